/** Finds the layer whose numbers went wrong, once that is known of what a model gives. */
import { NumericsError } from '../errors.ts'
import { observe } from '../nn/observe.ts'
import { scope } from '../tensor/scope.ts'
import type { Values } from '../tensor/tensor.ts'

/**
 * What can be wrong with numbers: some are none, or all of them are 0. Zeros are at fault where a part made
 * them of numbers that were not all 0, for then those are lost, as in a norm whose squares overflow. Where
 * the embeddings of the tokens are zeros already, nothing is lost: a model of zeros gives zeros.
 */
export type FaultKind = 'not finite' | 'zeros'

/** Where numbers went wrong first. */
export interface Fault {
  /** The part of the model: `backbone.layers.3`. */
  readonly where: string
  /** The largest magnitude that went into it; undefined if it is the first part. */
  readonly before: number | undefined
}

/** The stream between the parts of a model, and what stands at its ends. */
const NAMES = ['embed', 'resid_mid', 'resid_post', 'norm', 'logits']

/**
 * The first part of a model whose output is at fault when `body` runs it, forward, not in a recording. Slow:
 * all outputs are read. undefined: each is sound.
 *
 * @param row The sequence of the batch that is looked at. Default: all.
 */
export async function findFault(
  kind: FaultKind,
  body: () => unknown,
  row?: number,
): Promise<Fault | undefined> {
  const reads: { readonly where: string; readonly values: Promise<Values> }[] = []
  scope(() => {
    observe(
      () => void body(),
      (path, name, tensor) => {
        const size = row === undefined ? tensor.size : tensor.size / tensor.shape[0]
        const begin = (row ?? 0) * size
        reads.push({ where: placeOf(path, name), values: tensor.read(begin, begin + size) })
      },
      { names: NAMES },
    )
  })
  let before: number | undefined
  for (const [i, { where, values }] of reads.entries()) {
    const read = await values
    if (isFault(kind, read) && (kind !== 'zeros' || (before ?? 0) > 0)) {
      // Nobody waits for the rest.
      await Promise.allSettled(reads.slice(i).map(({ values: rest }) => rest))
      return { where, before }
    }
    before = largestOf(read)
  }
  return undefined
}

/** What is wrong with logits, if anything is. */
export function faultIn(logits: Values): FaultKind | undefined {
  if (isFault('not finite', logits)) return 'not finite'
  return logits.length > 1 && isFault('zeros', logits) ? 'zeros' : undefined
}

/** Whether some values are not finite, or all are 0. */
export function isFault(kind: FaultKind, values: Values): boolean {
  if (kind === 'zeros') return values.every((value) => value === 0)
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return true
  return false
}

/** The error for such logits, which names the layer; undefined if they are zeros and no part is at fault. */
export async function faultyLogits(
  kind: FaultKind,
  where: string,
  body: () => unknown,
  row?: number,
): Promise<NumericsError | undefined> {
  if (kind === 'not finite') return faultError('the logits are not finite', kind, where, body, row)
  const fault = await findFault(kind, body, row)
  return fault && errorOf('all logits are 0: every token would be as likely as any other', kind, where, fault)
}

/** The error with this rule, which names `where`, and the first part of the model that is at fault. */
export async function faultError(
  rule: string,
  kind: FaultKind,
  where: string,
  body: () => unknown,
  row?: number,
): Promise<NumericsError> {
  const fault = await findFault(kind, body, row)
  return fault ? errorOf(rule, kind, where, fault) : new NumericsError(rule, { where })
}

function errorOf(rule: string, kind: FaultKind, where: string, fault: Fault): NumericsError {
  const before = fault.before === undefined ? '' : `, of numbers up to ${fault.before.toPrecision(3)},`
  return new NumericsError(rule, {
    where: `${where}: ${fault.where}`,
    hint: `This is the first part of the model that makes${before} ${kind === 'zeros' ? 'nothing but zeros' : 'what is not finite'}: look at its weights. Squares of numbers beyond 1.8e19 are not finite in f32`,
  })
}

function placeOf(path: string, name: string): string {
  if (path === '') return 'the head'
  return name === 'norm' || name === 'embed' ? `${path}.${name}` : path
}

function largestOf(values: Values): number {
  let largest = 0
  for (const value of values) largest = Math.max(largest, Math.abs(value))
  return largest
}
