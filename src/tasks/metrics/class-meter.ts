import * as v from 'valibot'
import { countFrom, needed, optionsOf, text, whole } from '../../check.ts'
import type { Batch } from '../../data/batch.ts'
import { NumericsError } from '../../errors.ts'
import { arrayOf } from '../inputs.ts'
import type { Meter, MetricInfo, Sizes, Summary } from '../task.ts'

/** What is measured of a classifier, of sequences or of positions. */
export const CLASS_METRICS = {
  accuracy: { title: 'accuracy', higher: true, share: true },
  /** F1 of each class, their mean: rare classes weigh as much as common ones. */
  macroF1: { title: 'macro F1', higher: true, share: true },
  /** The accuracy of always saying the class that is the most common one in training. */
  majority: { title: 'majority class', higher: true, share: true },
} as const satisfies Record<string, MetricInfo>

/** Which classes there are. */
export interface ClassOptions {
  readonly classes: number
  /**
   * How often each class occurs in training: says which is the majority. Absent: the most common one of what
   * is measured is.
   */
  readonly counts?: readonly number[]
  /** What the classes are called. */
  readonly names?: readonly string[]
}

export const readClasses = optionsOf<ClassOptions>({
  classes: needed(whole(1, 2 ** 24)),
  counts: v.array(countFrom(0), 'a list of counts'),
  names: v.array(text, 'a list of names'),
})

/** Counts which class (row) was taken for which (column); labels below 0 do not count. */
export class ClassMeter implements Meter {
  readonly reads = true
  readonly #options: ClassOptions
  readonly #confusion: number[][]

  constructor(options: ClassOptions) {
    this.#options = readClasses(options, 'ClassMeter')
    const { classes } = this.#options
    this.#confusion = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0))
  }

  add(y: Float32Array, batch: Batch, { outputs }: Sizes): void {
    for (const [item, label] of arrayOf(batch, 'labels').entries()) {
      if (label >= 0) this.#confusion[label][likeliest(y, item * outputs, outputs)]++
    }
  }

  summary(): Summary {
    const { counts, names } = this.#options
    const confusion = this.#confusion.map((row) => [...row])
    const truths = confusion.map((row) => sum(row))
    const total = sum(truths)
    const majority = indexOfLargest(counts ?? truths)
    return {
      metrics: {
        accuracy: sum(confusion.map((row, i) => row[i])) / total,
        macroF1: macroF1(confusion),
        majority: truths[majority] / total,
      },
      confusion,
      ...(names && { classes: names }),
    }
  }
}

/**
 * Mean over classes of F1 = 2 TP / (2 TP + FP + FN). A class that neither occurs nor is predicted has none
 * and does not count, as in scikit-learn.
 */
export function macroF1(confusion: readonly (readonly number[])[]): number {
  const scores = confusion.flatMap((row, i) => {
    const either = sum(row) + sum(confusion.map((other) => other[i]))
    return either === 0 ? [] : [(2 * row[i]) / either]
  })
  return sum(scores) / scores.length
}

/** The first of the largest of `count` numbers from `start` on. */
export function likeliest(y: ArrayLike<number>, start: number, count: number): number {
  let best = 0
  for (let i = 0; i < count; i++) {
    const value = y[start + i]
    if (Number.isNaN(value))
      throw new NumericsError('the model says what is not a number', { where: 'logits' })
    if (value > y[start + best]) best = i
  }
  return best
}

/** The softmax of logits. */
export function probabilities(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits)
  const largest = Math.max(...values)
  const exponentials = values.map((value) => Math.exp(value - largest))
  const total = sum(exponentials)
  return exponentials.map((value) => value / total)
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function indexOfLargest(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > values[best] ? i : best), 0)
}
