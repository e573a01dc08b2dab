import { loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { Engine } from './engine.ts'

/** What each engine did, by round, and the load of the machine before. */
export interface Rounds<T> {
  readonly times: ReadonlyMap<Engine, readonly T[]>
  readonly load: number
}

/** Threads of an engine spin for a while after its turn. */
const REST = 200

/**
 * Engines by turns, there and back. A peer that fails is left out, and a line says why; the first, which is
 * ours, must not.
 */
export async function takeTurns<T>(
  title: string,
  engines: readonly Engine[],
  rounds: number,
  turn: (engine: Engine) => Promise<T>,
): Promise<Rounds<T>> {
  const times = new Map(engines.map((engine): [Engine, T[]] => [engine, []]))
  const load = loadavg()[0]
  for (let round = 0; round < rounds; round++) {
    const order = [...times.keys()]
    for (const engine of round % 2 === 0 ? order : order.toReversed()) {
      await pause(REST)
      try {
        times.get(engine)!.push(await turn(engine))
      } catch (error) {
        if (engine === engines[0]) throw error
        sayLeftOut(title, engine, error)
        times.delete(engine)
      }
    }
  }
  return { times, load }
}

export const sayLeftOut = (title: string, { name }: Engine, error: unknown): void =>
  console.log(`${title}: ${name} is left out: ${String(error)}`)
