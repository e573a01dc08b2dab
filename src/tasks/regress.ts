import * as v from 'valibot'
import { oneOf, optionsOf, whole } from '../check.ts'
import type { Batch } from '../data/batch.ts'
import { nameOf, type RecordPart } from '../data/records.ts'
import { ShapeError } from '../errors.ts'
import { divide, multiply, reshape, scale, subtract, sum } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { arrayOf, expectFinite, sequenceInputs } from './inputs.ts'
import { NUMBER_METRICS, NumberMeter, type Scale } from './metrics/number-meter.ts'
import { setting } from './settings.ts'
import { learnScales, SCALES, scaled } from './tables/inputs.ts'
import { tableTask } from './tables/index.ts'
import type { Cells } from './tables/cells.ts'
import type { Field, Sizes, TargetPart, Task, Tensors } from './task.ts'

type Each = 'sequence' | 'position'

/** Which numbers are to be said. */
export interface RegressOptions {
  /** Numbers for each sequence or position. Default: 1. */
  readonly outputs?: number
  /** Default: `sequence`. */
  readonly each?: Each
  /**
   * How the values of each output were scaled: metrics are then in the units of the data. Default: not at
   * all.
   */
  readonly scales?: readonly Scale[]
}

const readOptions = optionsOf<RegressOptions>({
  outputs: whole(1, 2 ** 24),
  each: oneOf(['sequence', 'position']),
  scales: v.array(v.looseObject({ mean: v.number(), deviation: v.number() }), 'a list of scales'),
})

/** Where nothing counts, the loss is 0 and not 0 / 0; a weight is never so small. */
const TINY = 1e-30

/**
 * Numbers for each sequence or position: Σ w (y - value)² / Σ w. Records have `values` (NaN where none is
 * known, which weighs nothing) and may have `weights`.
 */
export function regress(options: RegressOptions = {}): Task {
  const { outputs = 1, each = 'sequence', scales } = readOptions(options, 'regress')
  const plain = Array.from({ length: outputs }, () => ({ mean: 0, deviation: 1 }))
  return {
    name: 'regress',
    head: { kind: 'regression', outputs, each },
    inputs: sequenceInputs,
    targets: valueTargets(each),
    loss: squaredError,
    unit: { title: 'mean squared error', short: 'MSE', scale: 1 },
    metrics: NUMBER_METRICS,
    meter: () => new NumberMeter(scales ?? plain),
    objective: 'meanSquaredError',
  }
}

/** Σ weights (y - values)² / Σ weights, all three of one shape. */
function squaredError(y: Tensor, { values, weights }: Tensors): Tensor {
  const error = subtract(y, values)
  const total = sum(multiply(multiply(error, error), weights))
  return reshape(divide(total, scale(sum(weights), 1, TINY)), [1])
}

/** `values` and `weights` f32 [B, O], or [B, L, O] for positions. */
function valueTargets(each: Each): TargetPart {
  const shape = ({ batch, length, outputs }: Sizes): Field => ({
    dtype: 'f32',
    shape: each === 'sequence' ? [batch, outputs] : [batch, length, outputs],
  })
  return {
    fields: (sizes) => ({ values: shape(sizes), weights: shape(sizes) }),

    write(batch, row, part, { length, outputs }) {
      const [values, weights] = [arrayOf(batch, 'values'), arrayOf(batch, 'weights')]
      const start = row * outputs * (each === 'sequence' ? 1 : length)
      const size = outputs * (each === 'sequence' ? 1 : length)
      values.fill(0, start, start + size)
      weights.fill(0, start, start + size)
      if (part) writeValues({ values, weights }, start, part, outputs, each)
    },

    count(batch) {
      const weights = arrayOf(batch, 'weights')
      let total = 0
      for (const [i, weight] of weights.entries()) {
        if (!(weight >= 0 && Number.isFinite(weight)))
          throw new ShapeError('a weight is 0 or more, and finite', { where: `weights[${i}]`, found: weight })
        total += weight
      }
      // What weighs nothing is multiplied too, and 0 times NaN is NaN.
      expectFinite(arrayOf(batch, 'values'), (i) => `values[${i}]`)
      return total
    },
  }
}

function writeValues(
  into: Batch,
  start: number,
  { record, from, to }: RecordPart,
  outputs: number,
  each: Each,
): void {
  const [begin, end] = each === 'sequence' ? [0, outputs] : [from * outputs, to * outputs]
  const found = record.values?.length ?? 0
  if (record.values && found < end) {
    throw new ShapeError('too few values', { where: nameOf(record), expected: `at least ${end}`, found })
  }
  for (let i = begin; i < end; i++) {
    const value = record.values?.[i] ?? Number.NaN
    const at = start + i - begin
    if (Number.isNaN(value)) continue
    into['values']![at] = value
    into['weights']![at] = record.weights?.[i] ?? 1
  }
}

interface TargetSettings {
  readonly target: string
  readonly each: Each
}

/**
 * Trains on tables with numbers in each row, or numbers for each position; they are brought to mean 0 and
 * deviation 1.
 */
export const regressDefinition = tableTask({
  name: 'regress',
  summary: 'train a regression of numbers on a table',
  settings: {
    target: setting.text('Data', 'column with the number, or columns apart by commas', '<column>', 'target'),
    each: setting.choice(
      'Data',
      'numbers for each sequence, or for each position',
      ['sequence', 'position'],
      'sequence',
    ),
  },
  learned: SCALES,
  learn(rows, settings) {
    const found = rows.map((cells) => targetOf(cells, settings))
    return learnScales(
      found.map(({ values }) => values),
      found[0].outputs,
    )
  },
  task: (scales, { each }) => regress({ outputs: scales.length, each, scales }),
  targets(cells, scales, length, settings) {
    const { values, outputs } = targetOf(cells, settings)
    const wanted = (settings.each === 'sequence' ? 1 : length) * scales.length
    if (values.length !== wanted || outputs !== scales.length)
      throw cells.error(settings.target, 'wrong number of values', { expected: wanted, found: values.length })
    return { values: scaled(values, scales) }
  },
  predicted(y, scales, { target, each }) {
    const outputs = scales.length
    const values = Array.from(
      y,
      (value, i) => value * scales[i % outputs].deviation + scales[i % outputs].mean,
    )
    if (each === 'sequence') return Object.fromEntries(target.split(',').map((name, i) => [name, values[i]]))
    if (outputs === 1) return { [target]: values }
    return {
      [target]: Array.from({ length: values.length / outputs }, (_, i) =>
        values.slice(i * outputs, (i + 1) * outputs),
      ),
    }
  },
})

/**
 * The numbers of a row, and how many there are for each sequence or position. NaN is a number that is not
 * known.
 */
function targetOf(cells: Cells, { target, each }: TargetSettings): { values: number[]; outputs: number } {
  if (each === 'position') {
    const { values, channels } = cells.numbers(target)
    return { values, outputs: channels }
  }
  const values = target.split(',').flatMap((name) => {
    const found = cells.numbers(name).values
    if (found.length !== 1) throw cells.error(name, 'more than one number', { found: found.length })
    return found
  })
  return { values, outputs: values.length }
}
