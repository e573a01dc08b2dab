/**
 * Every task with records to learn from: small, of different lengths, some of what is to be learned unknown.
 */
import type { SequenceRecord } from '../../src/data/records.ts'
import type { AnyDevice } from '../../src/devices/device.ts'
import { modelConfig, type ModelOptions } from '../../src/models/config.ts'
import { Model } from '../../src/models/model.ts'
import { classify } from '../../src/tasks/classify.ts'
import { label } from '../../src/tasks/label.ts'
import { language } from '../../src/tasks/language.ts'
import { regress } from '../../src/tasks/regress.ts'
import type { Task } from '../../src/tasks/task.ts'
import { Random } from '../../src/tensor/random.ts'

export interface TaskCase {
  readonly name: string
  readonly task: Task
  readonly options: Partial<ModelOptions>
  readonly records: readonly SequenceRecord[]
}

const VOCABULARY = 5
const LENGTHS = [7, 3, 6, 5]

/** Token ids in which what is to be learned shows: token 4 stands in sequences of class 1. */
function tokenRecords(): SequenceRecord[] {
  const random = new Random(3)
  return LENGTHS.map((length, i) => {
    const tokens = Array.from({ length }, () => random.integer(VOCABULARY - 1))
    if (i % 2 === 1) tokens[length - 1] = VOCABULARY - 1
    return {
      id: `${i}`,
      tokens,
      label: i % 2,
      labels: tokens.map((token, at) => ((i + at) % 3 === 0 ? -100 : token % 3)),
      values: tokens.map((token) => token / 2),
    }
  })
}

/** Two numbers a position; their sums are to be found, some of which are unknown, and weigh differently. */
function featureRecords(): SequenceRecord[] {
  const random = new Random(4)
  return LENGTHS.map((length, i) => {
    const features = Float32Array.from({ length: 2 * length }, () => random.normal())
    const sums = [0, 1].map((channel) =>
      features.reduce((sum, value, at) => (at % 2 === channel ? sum + value : sum), 0),
    )
    return { id: `${i}`, features, values: i === 1 ? [Number.NaN, sums[1]] : sums, weights: [1, 0.5] }
  })
}

export const TASK_CASES: readonly TaskCase[] = [
  { name: 'language', task: language(), options: { vocabulary: VOCABULARY }, records: tokenRecords() },
  {
    name: 'classify',
    task: classify({ classes: 2 }),
    options: { vocabulary: VOCABULARY, classes: 2 },
    records: tokenRecords(),
  },
  {
    name: 'label',
    task: label({ classes: 3 }),
    options: { vocabulary: VOCABULARY, classes: 3, each: 'position' },
    records: tokenRecords(),
  },
  {
    name: 'regress a sequence',
    task: regress({ outputs: 2 }),
    options: { features: 2, outputs: 2, each: 'sequence' },
    records: featureRecords(),
  },
  {
    name: 'regress positions',
    task: regress({ each: 'position' }),
    options: { vocabulary: VOCABULARY, outputs: 1, each: 'position' },
    records: tokenRecords(),
  },
]

export function taskModel(device: AnyDevice, { options }: TaskCase, more: Partial<ModelOptions> = {}): Model {
  return Model.create(
    modelConfig({ architecture: ['mamba'], width: 8, stateSize: 4, ...options, ...more }),
    device,
    1,
  )
}
