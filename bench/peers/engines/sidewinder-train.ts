/**
 * Training steps as an engine among others: node scripts/run-ts.mjs bench/peers/engines/sidewinder-train.ts
 * <device> <threads>
 */
import type { Batch, Batches } from '../../../src/data/batch.ts'
import type { DeviceName } from '../../../src/devices/device.ts'
import { openDevice } from '../../../src/ops/open-device.ts'
import { loadModel } from '../../../src/language/load-model.ts'
import { language } from '../../../src/tasks/language.ts'
import { AdamW } from '../../../src/train/adamw.ts'
import { createTrainingStep, type TrainingStep } from '../../../src/train/training-step.ts'
import { obey } from './lines.mjs'

/** Batches of an order, in numbers that JSON has. */
interface Train {
  readonly batches: readonly Readonly<Record<'tokens' | 'labels', readonly number[]>>[]
  readonly rows: number
  readonly rate: number
}

const [name, threads] = process.argv.slice(2)
const device = await openDevice(name as DeviceName, { threads: Number(threads), software: true })
let path = ''
let step: TrainingStep | undefined
let done = 0

await obey(`Sidewinder, ${device.description}, Node ${process.versions.node}`, {
  open(order: { path: string }) {
    ;({ path } = order)
    step = undefined
    done = 0
    return Promise.resolve({})
  },
  async train({ batches, rows, rate }: Train) {
    const queue = batchesOf(batches, rows)
    step ??= await createStep(queue)
    const losses: number[] = []
    const start = performance.now()
    for (let i = 0; i < batches.length; i++) losses.push((await step.run(queue, rate, done++)).loss)
    return { losses, seconds: (performance.now() - start) / 1000 }
  },
})
device.destroy()

async function createStep(batches: Batches): Promise<TrainingStep> {
  const model = await loadModel(path, { device, weights: 'f32' })
  const options = { task: language(), accumulation: 1, maxNorm: 1, recompute: false }
  return createTrainingStep(model, new AdamW(model.parameters, {}), batches, options)
}

function batchesOf(given: Train['batches'], rows: number): Batches {
  let at = 0
  return {
    batch: rows,
    length: given[0].tokens.length / rows,
    carried: false,
    masked: false,
    next(): Batch {
      const { tokens, labels } = given[at++]
      return { tokens: Int32Array.from(tokens), labels: Int32Array.from(labels) }
    },
    save: () => ({}),
    restore: () => {},
  }
}
