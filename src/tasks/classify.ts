import { sequenceInputs } from './inputs.ts'
import { labelLoss, labelTargets } from './labels.ts'
import {
  CLASS_METRICS,
  ClassMeter,
  type ClassOptions,
  likeliest,
  probabilities,
  readClasses,
} from './metrics/class-meter.ts'
import { setting } from './settings.ts'
import { CLASSES, classOf, learnClasses } from './tables/classes.ts'
import { tableTask } from './tables/index.ts'
import type { Task } from './task.ts'

/**
 * One class for each sequence: cross-entropy of the logits [B, classes] for `labels` [B], in nats. Records
 * have a `label`.
 */
export function classify(given: ClassOptions): Task {
  const options = readClasses(given, 'classify')
  const { classes } = options
  return {
    name: 'classify',
    head: { kind: 'classifier', classes, each: 'sequence' },
    inputs: sequenceInputs,
    targets: labelTargets('sequence', ({ label }) => label),
    loss: labelLoss,
    unit: { title: 'nats per sequence', short: 'nats', scale: 1 },
    metrics: CLASS_METRICS,
    meter: () => new ClassMeter(options),
    objective: 'accuracy',
  }
}

/** Trains on tables with a class in each row. */
export const classifyDefinition = tableTask({
  name: 'classify',
  summary: 'train a classifier of sequences on a table',
  settings: { label: setting.text('Data', 'column with the class', '<column>', 'label') },
  learned: CLASSES,
  learn: (rows, { label }) =>
    learnClasses(
      rows.map((cells) => cells.text(label)),
      label,
    ),
  task: ({ names, counts }) => classify({ classes: names.length, names, counts }),
  targets: (cells, classes, _, { label }) => ({ label: classOf(cells.text(label), classes, cells, label) }),
  predicted(y, { names }) {
    const best = likeliest(y, 0, names.length)
    return { class: names[best], probability: probabilities(y)[best] }
  },
})
