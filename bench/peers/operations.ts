import type { Engine } from './engine.ts'
import { OPERATIONS, type OperationName } from './engines/operation-work.mjs'
import { printOperation } from './report.ts'
import { sayLeftOut, takeTurns } from './rounds.ts'

/** Values further apart than this, over the largest, are not those of the same work. */
const BOUND = 1e-4

/** Sidewinder first, all with the same inputs. Says whether the results agree. */
export async function compareOperations(engines: readonly Engine[], rounds: number): Promise<boolean> {
  let agreed = true
  for (const [name, { title, unit, cost, runs }] of Object.entries(OPERATIONS)) {
    const { apart, agree } = await prepareAll(name as OperationName, title, engines)
    agreed &&= agree
    const turns = await takeTurns(title, [...apart.keys()], rounds, (engine) => engine.repeat(runs))
    printOperation(title, { rounds: turns, cost, unit, apart })
  }
  return agreed
}

interface Prepared {
  /** How far the result of each engine is from ours, of those that can do it. */
  readonly apart: ReadonlyMap<Engine, string>
  readonly agree: boolean
}

async function prepareAll(
  name: OperationName,
  title: string,
  [ours, ...peers]: readonly Engine[],
): Promise<Prepared> {
  const expected = await ours.prepare(name)
  const apart = new Map([[ours, '']])
  let agree = true
  for (const peer of peers) {
    try {
      const difference = differenceOf(expected, await peer.prepare(name))
      const agrees = difference < BOUND
      agree &&= agrees
      apart.set(peer, `${difference.toExponential(0)}${agrees ? '' : '   DISAGREES'}`)
    } catch (error) {
      sayLeftOut(title, peer, error)
    }
  }
  return { apart, agree }
}

/** The largest difference over the largest value of ours. */
function differenceOf(ours: Float32Array, theirs: Float32Array): number {
  if (ours.length !== theirs.length) return Infinity
  const largest = ours.reduce((most, each) => Math.max(most, Math.abs(each)), 0)
  return ours.reduce((most, each, i) => Math.max(most, Math.abs(each - theirs[i])), 0) / largest
}
