import * as v from 'valibot'
import { check, flag, idsOf, optionsOf, type TokenIds } from '../check.ts'
import type { AnyDevice } from '../devices/device.ts'
import { DISPOSE } from '../disposal.ts'
import { ConfigError, describe, ShapeError, StateError } from '../errors.ts'
import type { SequenceOptions } from '../nn/mixer.ts'
import { dispose, place, walk } from '../nn/module.ts'
import type { Parameter } from '../nn/parameter.ts'
import { States } from '../nn/states.ts'
import { reshape, slice } from '../ops/index.ts'
import { scope } from '../tensor/scope.ts'
import { tensor, Tensor } from '../tensor/tensor.ts'
import type { ModelConfig } from './config.ts'
import { faultIn, faultyLogits } from './faults.ts'
import { liveCheckpoint } from './files/live.ts'
import { writeFiles, type SaveTarget } from './files/folder.ts'
import type { SaveOptions } from './files/save.ts'
import { Stack } from './stack.ts'

/** What a model is told besides its input. */
export interface ForwardOptions extends Omit<SequenceOptions, 'state'> {
  /** What each layer remembers of what came before. */
  readonly states?: States | undefined
  /** Keep nothing inside layers for backward: compute it again there. */
  readonly recompute?: boolean
  /**
   * f32 [B, L]: 1 where a position belongs to its sequence, 0 where it is padding on the right; at least one
   * 1 a row. A head with one result for a sequence takes the mean over what belongs to it. Other heads give
   * results for padding too, which mean nothing.
   */
  readonly mask?: Tensor | undefined
}

const TENSOR = v.instance(Tensor, 'a tensor')
const readForward = optionsOf<ForwardOptions>({
  states: v.instance(States, 'states'),
  recompute: flag,
  mask: TENSOR,
  reset: TENSOR,
  past: TENSOR,
})
const readLogits = optionsOf<{ readonly mask?: readonly TokenIds[] }>({
  mask: v.custom<readonly TokenIds[]>((value) => Array.isArray(value), 'a list of rows of marks'),
})

/** Numbers on the host, with their shape. */
export interface HostTensor {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/** A sequence model on a device: its configuration, and its modules with their values. */
export class Model {
  readonly config: ModelConfig
  readonly device: AnyDevice
  /** The modules. */
  readonly stack: Stack
  /** By their first names. */
  readonly parameters: ReadonlyMap<string, Parameter>
  #version = 0
  #ownsDevice = false
  #disposed = false

  /** Takes over modules of this configuration that were placed on a device. */
  constructor(config: ModelConfig, stack: Stack) {
    this.config = config
    this.stack = stack
    this.device = stack.device
    this.parameters = new Map(walk(stack).map(({ path, parameter }) => [path, parameter]))
  }

  /** A model with initial values drawn from `seed`. */
  static create(config: ModelConfig, device: AnyDevice, seed = 0): Model {
    return new Model(config, place(new Stack(config), device, { seed }))
  }

  /** Whether `dispose` also ends the device. */
  get ownsDevice(): boolean {
    return this.#ownsDevice
  }

  /** Hands the device to the model: `dispose` will end it, too. */
  ownDevice(): this {
    this.#ownsDevice = true
    return this
  }

  /** Tokens that end a text, as the tokenizer and the files of a language model say it. */
  readonly end: readonly number[] = []
  /** Why the tokenizer of a language model could not be read. */
  readonly tokenizerProblem: Error | undefined = undefined

  /** Size of the vocabulary, of a model that takes tokens. */
  get vocabulary(): number {
    const { input } = this.config
    if (!('vocabulary' in input))
      throw new ConfigError('the model takes features, not tokens', { where: 'model' })
    return input.vocabulary
  }

  /** Number of parameters. */
  get size(): number {
    return [...this.parameters.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** Bytes of the parameters on the device. */
  get bytes(): number {
    return [...this.parameters.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Counts the changes of the parameters: whoever keeps something that follows from them compares it. */
  get version(): number {
    return this.#version
  }

  /** Says that parameters have changed: what was kept of them, as the fingerprint, is computed again. */
  changed(): void {
    this.#version++
  }

  /**
   * Input (tokens i32 [B, L] or features [B, L, F]) to the last hidden vectors [B, L, width], and the states
   * after it.
   */
  hidden(input: Tensor, options: ForwardOptions = {}): { readonly y: Tensor; readonly states: States } {
    this.expectAlive()
    const { states: before, ...given } = readForward(options, 'forward')
    const { y, states } = this.stack.hidden(check(input, TENSOR, 'forward: input'), {
      ...given,
      states: before?.layers,
    })
    return { y, states: new States(this.device, this.#slots, states) }
  }

  /**
   * What the head says: language model [B, L, V]; classifier [B, classes] of the mean over positions, or [B,
   * L, classes]; regression [B, L, outputs] or [B, outputs].
   */
  forward(input: Tensor, options: ForwardOptions = {}): { readonly y: Tensor; readonly states: States } {
    const { y, states } = this.hidden(input, options)
    return { y: this.stack.project(y, options.mask), states }
  }

  /** Logits [B, V] after the last position of tokens i32 [B, L]: only that position goes through the head. */
  last(tokens: Tensor, options: ForwardOptions = {}): { readonly logits: Tensor; readonly states: States } {
    const { y, states } = this.hidden(tokens, options)
    const [batch, length, width] = y.shape as [number, number, number]
    const last = reshape(slice(y, 1, length - 1, length), [batch, width])
    return { logits: this.stack.projectRows(last), states }
  }

  /**
   * One position: input i32 [B] (or features [B, F]) to what the head says [B, …]. States change in place.
   */
  step(input: Tensor, states: States, past?: Tensor): Tensor {
    this.expectAlive()
    return this.stack.step(input, states.layers, past)
  }

  /**
   * States of zeros, for `batch` sequences. `capacity` is the most positions that attention layers can hold.
   */
  createStates(batch: number, capacity = 0): States {
    this.expectAlive()
    return States.create(this.device, this.#slots, batch, capacity)
  }

  /**
   * Logits for token ids, [batch][length], on the host: shape [batch, length, vocabulary]. Rows of different
   * lengths are padded on the left by the caller; `mask` [batch][length] is 0 there and 1 elsewhere. What
   * stands there changes nothing; its logits are 0.
   */
  async logits(
    tokens: readonly TokenIds[],
    options: { readonly mask?: readonly TokenIds[] } = {},
  ): Promise<HostTensor> {
    const { mask } = readLogits(options, 'logits')
    const rows = rowsOf(tokens, 'tokens')
    const padding = mask && paddingOf(rows, rowsOf(mask, 'mask'))
    const ids = this.tokens(rows)
    const reset = padding && tensor(this.device, resets(padding, ids.shape), ids.shape)
    const { y } = scope(() => ({ y: this.forward(ids, { reset }).y }))
    try {
      const data = (await y.read()) as Float32Array
      const fault = faultIn(data)
      const error = fault && (await faultyLogits(fault, 'logits', () => this.forward(ids, { reset })))
      if (error) throw error
      const row = data.length / ids.shape[0]
      padding?.forEach((count, i) => data.fill(0, i * row, i * row + count * y.width))
      return { data, shape: y.shape }
    } finally {
      y.dispose()
      ids.dispose()
      reset?.dispose()
    }
  }

  /** Token ids as a tensor i32 [batch, length]. Refuses ids outside the vocabulary and ragged rows. */
  tokens(given: readonly TokenIds[]): Tensor {
    this.expectAlive()
    const rows = rowsOf(given, 'tokens')
    const length = rows[0]?.length ?? 0
    const { vocabulary } = this
    for (const [i, row] of rows.entries()) {
      if (row.length !== length) {
        throw new ShapeError('rows of tokens differ in length', {
          where: `tokens[${i}]`,
          expected: length,
          found: row.length,
        })
      }
      const wrong = row.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabulary)
      if (wrong >= 0) {
        throw new ShapeError('token id outside the vocabulary', {
          where: `tokens[${i}][${wrong}]`,
          expected: `0 to ${vocabulary - 1}`,
          found: describe(row[wrong]),
        })
      }
    }
    if (length === 0) throw new ShapeError('no tokens', { where: 'tokens' })
    return tensor(this.device, Int32Array.from(rows.flat()), [rows.length, length])
  }

  /**
   * Writes the model as transformers reads it, and `loadModel` again with the same bits: config.json and
   * safetensors. f16 weights stay f16; q8 and q4 weights are written as the f32 values that they stand for,
   * and the A of a GGUF file as A_log, rounded. The model must not change meanwhile.
   *
   * @throws CheckpointError if files of something else are there, or a model in files of other names
   */
  async save(target: SaveTarget, options: SaveOptions = {}): Promise<void> {
    this.expectAlive()
    const { folderFiles, readSaveOptions } = await import('./files/save.ts')
    const read = readSaveOptions(options, 'save')
    return writeFiles(target, folderFiles(liveCheckpoint(this), read), read)
  }

  /**
   * Gives the memory of the parameters back, and ends the device if the model opened it (`ownsDevice`). What
   * was made of the model, as sessions and trainers, is of no use after this: to use it is a StateError. Safe
   * to call again.
   */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    dispose(this.stack)
    if (this.#ownsDevice) this.device.destroy()
  }

  [DISPOSE](): void {
    this.dispose()
  }

  /** Throws StateError after `dispose`. */
  expectAlive(): void {
    if (!this.#disposed) return
    throw new StateError('the model was disposed', {
      where: 'model',
      hint: 'Load it again, and make new sessions, chats and trainers of it',
    })
  }

  get #slots(): States['slots'] {
    return this.stack.layers.map(({ slots }) => slots)
  }
}

/** Rows of ids as lists of their own. Throws ConfigError for anything else. */
function rowsOf(rows: readonly TokenIds[], where: string): number[][] {
  if (Array.isArray(rows)) return rows.map((row: TokenIds, i) => idsOf(row, `${where}[${i}]`))
  throw new ConfigError('not rows', { where, expected: 'a list of rows of ids', found: describe(rows) })
}

/** What takes a model as an argument checks it with this. */
export const MODEL = v.instance(Model, 'a model')

/** How many positions at the beginning of each row are padding. */
function paddingOf(tokens: readonly ArrayLike<number>[], mask: readonly (readonly number[])[]): number[] {
  return tokens.map((row, i) => {
    const marks = mask[i] ?? []
    const first = marks.findIndex((mark) => mark !== 0)
    if (marks.length !== row.length || first < 0 || marks.slice(first).includes(0)) {
      throw new ShapeError('a mask has zeros on the left and ones up to the end', {
        where: `mask[${i}]`,
        expected: `${row.length} marks, at least one of them 1`,
        found: marks.join(' '),
      })
    }
    return first
  })
}

/** A sequence begins at the first position that is no padding: whatever came before is forgotten there. */
function resets(padding: readonly number[], [batch, length]: readonly number[]): Int32Array {
  const reset = new Int32Array(batch * length)
  padding.forEach((count, i) => (reset[i * length + count] = 1))
  return reset
}
