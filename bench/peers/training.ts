import { randomWindows } from '../../src/data/batches.ts'
import { Random } from '../../src/tensor/random.ts'
import type { Engine, Trained, TrainingBatch } from './engine.ts'
import { trainingFolder } from './models.ts'
import { printTraining } from './report.ts'
import { sayLeftOut, takeTurns } from './rounds.ts'

const [ROWS, LENGTH, RATE] = [4, 256, 1e-3]
/** Steps that an engine takes in its turn. */
const STEPS = 4
/** Losses further apart than this, over the loss, are not those of the same work. */
const BOUND = 1e-4

/**
 * Sidewinder first, all from the same weights and with the same batches. Says whether the losses of the first
 * steps agree.
 */
export async function compareTraining(
  engines: readonly Engine[],
  rounds: number,
  cache: string,
): Promise<boolean> {
  const path = await trainingFolder(cache)
  const batches = makeBatches()
  const title = `training Mamba-1, width 256, 4 layers, ${ROWS} × ${LENGTH} bytes, f32`
  const first = new Map<Engine, Trained>()
  for (const engine of engines) {
    try {
      await engine.open(path)
      first.set(engine, await engine.train(batches, ROWS, RATE))
    } catch (error) {
      sayLeftOut(title, engine, error)
    }
  }
  const { losses, agree } = compareLosses(first)
  const turns = await takeTurns(title, [...first.keys()], rounds, (engine) =>
    engine.train(batches, ROWS, RATE),
  )
  printTraining(title, { rounds: turns, tokens: STEPS * ROWS * LENGTH, losses })
  return agree
}

/** Bytes that repeat and vary, so that there is something to learn. */
function makeBatches(): TrainingBatch[] {
  const random = new Random(1)
  const tokens = Uint8Array.from({ length: 65536 }, (_, i) => ((i * i) % 97) + random.integer(32))
  const windows = randomWindows({ tokens, starts: [0] }, { batch: ROWS, length: LENGTH })
  return Array.from({ length: STEPS }, () => {
    const batch = windows.next()
    return { tokens: [...batch.tokens], labels: [...batch.labels] }
  })
}

function compareLosses(first: ReadonlyMap<Engine, Trained>): {
  losses: Map<Engine, string>
  agree: boolean
} {
  const [ours, ...others] = [...first]
  const losses = new Map<Engine, string>()
  let agree = true
  if (!ours) return { losses, agree }
  losses.set(ours[0], ours[1].losses.map((loss) => loss.toFixed(5)).join(' '))
  for (const [engine, theirs] of others) {
    const apart = Math.max(...theirs.losses.map((loss, i) => Math.abs(loss / ours[1].losses[i] - 1)))
    agree &&= apart < BOUND
    losses.set(engine, `differ by ${apart.toExponential(0)} at most${apart < BOUND ? '' : '   DISAGREE'}`)
  }
  return { losses, agree }
}
