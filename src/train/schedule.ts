import { between, countFrom, needed, optionsOf } from '../check.ts'
import { ConfigError } from '../errors.ts'

/** Learning rate at a step, counted from 0. */
export type Schedule = (step: number, steps: number) => number

/** The peak of a schedule, and how it is reached. */
export interface WarmupOptions {
  readonly peak: number
  /** Steps of linear rise from 0. Default: a tenth of all steps, at most 1,000. */
  readonly warmup?: number
  /** Rate at the end, as a part of the peak. */
  readonly floor?: number
}

const WARMUP = { peak: needed(between(0, 1e6)), warmup: countFrom(0), floor: between(0, 1) }
const readCosine = optionsOf<WarmupOptions>(WARMUP)
const readDecay = optionsOf<WarmupOptions & { readonly decay?: number }>({ ...WARMUP, decay: between(0, 1) })

/** Linear warmup, then half a cosine down to `floor × peak` (Loshchilov and Hutter 2017). */
export function cosine(options: WarmupOptions): Schedule {
  const { peak, warmup, floor = 0.1 } = readCosine(options, 'cosine')
  expectRate(peak)
  return (step, steps) => {
    const rise = risingSteps(warmup, steps)
    if (step < rise) return (peak * (step + 1)) / rise
    const progress = Math.min(1, (step - rise) / Math.max(1, steps - 1 - rise))
    return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * progress)))
  }
}

/**
 * Warmup, stable, decay (Hu et al. 2024, MiniCPM): linear rise, constant, and over the last part a linear
 * fall to `floor × peak`.
 */
export function warmupStableDecay(
  options: WarmupOptions & {
    /** Part of all steps that falls. */
    readonly decay?: number
  },
): Schedule {
  const { peak, warmup, floor = 0, decay = 0.2 } = readDecay(options, 'warmupStableDecay')
  expectRate(peak)
  return (step, steps) => {
    const rise = risingSteps(warmup, steps)
    if (step < rise) return (peak * (step + 1)) / rise
    const fall = Math.max(1, Math.round(decay * steps))
    const left = Math.max(0, steps - 1 - step)
    return left >= fall ? peak : peak * (floor + (1 - floor) * (left / fall))
  }
}

/** The same rate at every step. */
export function constantRate(rate: number): Schedule {
  expectRate(rate)
  return () => rate
}

function risingSteps(warmup: number | undefined, steps: number): number {
  return warmup ?? Math.min(1000, Math.ceil(steps / 10))
}

function expectRate(rate: number): void {
  if (!(rate > 0) || !Number.isFinite(rate)) {
    throw new ConfigError('must be a positive number', { where: 'learning rate', found: rate })
  }
}
