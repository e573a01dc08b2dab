import { beforeAll, describe, expect, test } from 'vitest'
import type { AnyDevice } from '../../src/devices/device.ts'
import type { Model } from '../../src/models/model.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { batchTensors, disposeTensors, writeBatch } from '../../src/tasks/batch-tensors.ts'
import { evaluate } from '../../src/tasks/evaluate.ts'
import { batchGradients, taskLoss } from '../../src/tasks/loss.ts'
import { predictRecords } from '../../src/tasks/predict.ts'
import { recordBatches, recordPass } from '../../src/tasks/record-batches.ts'
import { fieldsOf, sizesOf } from '../../src/tasks/task.ts'
import { Random } from '../../src/tensor/random.ts'
import { scope } from '../../src/tensor/scope.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { constantRate } from '../../src/train/schedule.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { testDevices } from '../devices.ts'
import { relativeError } from '../suites/compare.ts'
import { TASK_CASES, taskModel, type TaskCase } from '../suites/tasks.ts'

const ROWS = 4

/** All records of a case in one batch, with its loss and gradients. */
async function gradientsOf(model: Model, { task, records }: TaskCase, length?: number) {
  const batches = recordBatches(records, task, { input: model.config.input, batch: ROWS, length })
  return batchGradients(model, task, batches.next(), { rows: ROWS, length: batches.length })
}

const flat = (gradients: ReadonlyMap<string, Float32Array>): number[] =>
  [...gradients.values()].flatMap((values) => Array.from(values))

/** The numbers behind a tensor of the reference, which computes in float64. */
const dataOf = (x: Tensor): Float64Array =>
  (x.storage as unknown as { data: Float64Array }).data.subarray(x.offset, x.offset + x.size)

/** What a model says of each record, if it is read in rows of a batch of this form. */
async function predictions(model: Model, { task, records }: TaskCase, batch: number, length?: number) {
  const pass = recordPass(records, task, { input: model.config.input, batch, length })
  const found: Float32Array[] = []
  for await (const { y } of predictRecords(model, task, pass, records)) found.push(y)
  return found
}

let reference: AnyDevice
beforeAll(async () => {
  reference = await openDevice('reference')
})

describe('gradients against finite differences on the reference', () => {
  test.each(TASK_CASES.map((each) => [each.name, each] as const))('%s', async (_, each) => {
    const model = taskModel(reference, each)
    const { task, records } = each
    const batches = recordBatches(records, task, { input: model.config.input, batch: ROWS })
    const batch = batches.next()
    const tensors = batchTensors(reference, fieldsOf(task, sizesOf(model.config, batches)))
    writeBatch(tensors, batch)
    const loss = (): number => scope(() => dataOf(taskLoss(model, task, tensors).loss)[0])
    const { loss: reported, gradients } = await batchGradients(model, task, batch, {
      rows: ROWS,
      length: batches.length,
    })
    expect(reported).toBeCloseTo(loss(), 5)
    const random = new Random(9)
    const directions = [...model.parameters].map(([name, { tensor }]) => ({
      data: dataOf(tensor),
      direction: Float64Array.from({ length: tensor.size }, () => random.normal()),
      gradient: gradients.get(name)!,
    }))
    const step = 1e-5
    const move = (by: number): void => {
      for (const { data, direction } of directions)
        for (const [i, x] of direction.entries()) data[i] += by * x
    }
    move(step)
    const above = loss()
    move(-2 * step)
    const below = loss()
    const numeric = (above - below) / (2 * step)
    const analytic = directions.reduce(
      (sum, { direction, gradient }) => sum + direction.reduce((inner, x, i) => inner + x * gradient[i], 0),
      0,
    )
    expect(Math.abs(numeric - analytic)).toBeLessThan(1e-5 * Math.max(1, Math.abs(numeric)))
    disposeTensors(tensors)
    model.dispose()
  })
})

testDevices('tasks', (device, repeats) => {
  test.each(TASK_CASES.map((each) => [each.name, each] as const))(
    '%s: loss and gradients as on the reference',
    async (_, each) => {
      const [model, oracle] = [taskModel(device(), each), taskModel(reference, each)]
      const [found, wanted] = [await gradientsOf(model, each), await gradientsOf(oracle, each)]
      expect(Math.abs(found.loss - wanted.loss)).toBeLessThan(1e-5)
      expect(relativeError(flat(found.gradients), flat(wanted.gradients))).toBeLessThan(1e-4)
      model.dispose()
      oracle.dispose()
    },
  )

  test('all learn what they are shown', repeats, async () => {
    for (const each of TASK_CASES) {
      const { task, records } = each
      const model = taskModel(device(), each)
      const trainer = new Trainer(model, { task, schedule: constantRate(0.02), steps: 8 })
      const losses: number[] = []
      for await (const { loss } of trainer.fit(
        recordBatches(records, task, { input: model.config.input, batch: ROWS }),
      ))
        losses.push(loss)
      expect(losses.at(-1), each.name).toBeLessThan(0.9 * losses[0])
      trainer.dispose()
      model.dispose()
    }
  })
})

testDevices(
  'what a task is not to notice',
  (device) => {
    test.each(TASK_CASES.map((each) => [each.name, each] as const))(
      '%s: padding, and records beside it, change nothing',
      async (_, each) => {
        const model = taskModel(device(), each, { architecture: ['mamba2', 'transformer', 'mamba', 's4d'] })
        const alone = (
          await Promise.all(
            each.records.map((record) => predictions(model, { ...each, records: [record] }, 1)),
          )
        ).flat()
        // Rows of one batch, and a last batch with a row that has no record.
        for (const batch of [4, 3]) {
          const together = await predictions(model, each, batch)
          expect(together.map(({ length }) => length)).toEqual(alone.map(({ length }) => length))
          for (const [i, want] of alone.entries()) expect(relativeError(together[i], want)).toBeLessThan(1e-5)
        }
        model.dispose()
      },
    )

    test('a record longer than a row goes on in the next batch, attention included', async () => {
      const each = TASK_CASES.find(({ name }) => name === 'label')!
      const model = taskModel(device(), each, { architecture: ['mamba2', 'transformer', 'mamba', 's4d'] })
      const whole = await predictions(model, each, 4)
      const parts = await predictions(model, each, 3, 2)
      for (const [i, want] of whole.entries()) expect(relativeError(parts[i], want)).toBeLessThan(1e-5)
      const inputs = { input: model.config.input, batch: 3 }
      const evaluations = await Promise.all(
        [undefined, 2].map((length) =>
          evaluate(model, each.task, recordPass(each.records, each.task, { ...inputs, length })),
        ),
      )
      expect(evaluations[1].count).toBe(evaluations[0].count)
      expect(evaluations[1].loss).toBeCloseTo(evaluations[0].loss, 5)
      expect(evaluations[1].confusion).toEqual(evaluations[0].confusion)
      model.dispose()
    })

    test('how an update is cut into parts, where parts have different numbers of labels', async () => {
      const each = TASK_CASES.find(({ name }) => name === 'label')!
      const updates = []
      for (const [batch, accumulation] of [
        [4, 1],
        [2, 2],
        [1, 4],
      ]) {
        const model = taskModel(device(), each)
        const trainer = new Trainer(model, {
          task: each.task,
          schedule: constantRate(0.01),
          steps: 1,
          accumulation,
          maxNorm: 1e9,
        })
        const batches = recordBatches(each.records, each.task, { input: model.config.input, batch })
        for await (const { loss, gradientNorm } of trainer.fit(batches)) updates.push({ loss, gradientNorm })
        trainer.dispose()
        model.dispose()
      }
      for (const { loss, gradientNorm } of updates) {
        expect(loss / updates[0].loss).toBeCloseTo(1, 6)
        expect(gradientNorm / updates[0].gradientNorm).toBeCloseTo(1, 5)
      }
    })
  },
  ['wasm'],
)
