import type { Batch } from '../../data/batch.ts'
import { arrayOf } from '../inputs.ts'
import type { Meter, MetricInfo, Sizes, Summary } from '../task.ts'

/** What is measured of a regression, in the units of the data. */
export const NUMBER_METRICS = {
  meanSquaredError: { title: 'mean squared error', higher: false },
  meanAbsoluteError: { title: 'mean absolute error', higher: false },
  /** The mean squared error of always saying the mean over the training data. */
  baseline: { title: 'mean squared error of the mean', higher: false },
} as const satisfies Record<string, MetricInfo>

/** How a number was brought to about the size of others: value = number × deviation + mean. */
export interface Scale {
  readonly mean: number
  readonly deviation: number
}

/** Adds up errors, each as often as its weight says. */
export class NumberMeter implements Meter {
  readonly reads = true
  readonly #scales: readonly Scale[]
  #squares = 0
  #absolutes = 0
  #baseline = 0
  #weights = 0

  /** A scale for each output. */
  constructor(scales: readonly Scale[]) {
    this.#scales = scales
  }

  add(y: Float32Array, batch: Batch, { outputs }: Sizes): void {
    const values = arrayOf(batch, 'values')
    for (const [i, weight] of arrayOf(batch, 'weights').entries()) {
      if (weight === 0) continue
      const { deviation } = this.#scales[i % outputs]
      const error = (y[i] - values[i]) * deviation
      this.#squares += weight * error ** 2
      this.#absolutes += weight * Math.abs(error)
      this.#baseline += weight * (values[i] * deviation) ** 2
      this.#weights += weight
    }
  }

  summary(): Summary {
    return {
      metrics: {
        meanSquaredError: this.#squares / this.#weights,
        meanAbsoluteError: this.#absolutes / this.#weights,
        baseline: this.#baseline / this.#weights,
      },
    }
  }
}
