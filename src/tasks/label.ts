import { IGNORE } from '../data/batch.ts'
import { sequenceInputs } from './inputs.ts'
import { labelLoss, labelTargets } from './labels.ts'
import {
  CLASS_METRICS,
  ClassMeter,
  type ClassOptions,
  likeliest,
  readClasses,
} from './metrics/class-meter.ts'
import { setting } from './settings.ts'
import { CLASSES, classOf, learnClasses } from './tables/classes.ts'
import { tableTask } from './tables/index.ts'
import type { Task } from './task.ts'

/**
 * One class for each position: cross-entropy of the logits [B, L, classes] for `labels` [B, L], in nats.
 * Records have `labels`; positions with -100 do not count.
 */
export function label(given: ClassOptions): Task {
  const options = readClasses(given, 'label')
  const { classes } = options
  return {
    name: 'label',
    head: { kind: 'classifier', classes, each: 'position' },
    inputs: sequenceInputs,
    targets: labelTargets('position', ({ labels }, i) => labels?.[i]),
    loss: labelLoss,
    unit: { title: 'nats per position', short: 'nats', scale: 1 },
    metrics: CLASS_METRICS,
    meter: () => new ClassMeter(options),
    objective: 'accuracy',
  }
}

/** Trains on tables with a class for each position of each row: a word as long as the sequence, or a list. */
export const labelDefinition = tableTask({
  name: 'label',
  summary: 'train a classifier of positions on a table',
  settings: {
    labels: setting.text('Data', 'column with a class for each position', '<column>', 'labels'),
    ignore: setting.text('Data', 'what stands for an unknown class: it does not count', '<label>'),
  },
  learned: CLASSES,
  learn: (rows, { labels, ignore }) =>
    learnClasses(
      rows.flatMap((cells) => cells.labels(labels)).filter((name) => name !== ignore),
      labels,
    ),
  task: ({ names, counts }) => label({ classes: names.length, names, counts }),
  targets(cells, classes, length, { labels, ignore }) {
    const found = cells.labels(labels)
    if (found.length !== length) {
      throw cells.error(labels, 'there must be a label for each position', {
        expected: `${length}, as many as the sequence has`,
        found: found.length,
        hint: 'A position of a text is a byte: characters beyond ASCII have several',
      })
    }
    return { labels: found.map((name) => (name === ignore ? IGNORE : classOf(name, classes, cells, labels))) }
  },
  predicted(y, { names }) {
    const found = Array.from(
      { length: y.length / names.length },
      (_, i) => names[likeliest(y, i * names.length, names.length)],
    )
    return { labels: names.every((name) => name.length === 1) ? found.join('') : found }
  },
})
