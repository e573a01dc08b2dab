import type { AnyDevice } from '../../src/devices/device.ts'
import { scope } from '../../src/tensor/scope.ts'
import type { Limits } from './limits.ts'

/** A piece of work, and what it costs by count. */
export interface Work {
  readonly name: string
  /** Floating-point operations of one run. */
  readonly flops?: number
  /** Bytes that one run must move through memory at least. */
  readonly bytes?: number
  /** Tokens of one run. */
  readonly tokens?: number
  run(): void | Promise<void>
}

export interface Timing {
  readonly work: Work
  /** Seconds: least, median and most of the runs. */
  readonly min: number
  readonly median: number
  readonly max: number
  /** Seconds of each round. */
  readonly rounds: readonly number[]
}

/**
 * Times pieces of work by turns, so that a busy moment of the machine falls on all of them: one warm-up each,
 * then rounds until `seconds` are over, at least five.
 */
export async function interleaved(device: AnyDevice, works: readonly Work[], seconds = 3): Promise<Timing[]> {
  const times = works.map((): number[] => [])
  const once = async (work: Work): Promise<number> => {
    const start = performance.now()
    await work.run()
    await device.synchronize()
    return (performance.now() - start) / 1000
  }
  for (const work of works) await once(work)
  const start = performance.now()
  for (let round = 0; round < 5 || performance.now() - start < seconds * 1000; round++) {
    for (const [i, work] of works.entries()) times[i].push(await once(work))
  }
  return works.map((work, i) => ({ work, ...middle(times[i]), rounds: times[i] }))
}

/** How many times as long as `fast` `slow` takes, round by round. */
export function timesAsLong(slow: Timing, fast: Timing): string {
  const { median, min, max } = middle(slow.rounds.map((seconds, round) => seconds / fast.rounds[round]))
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
}

function middle(values: readonly number[]): Pick<Timing, 'min' | 'median' | 'max'> {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted[sorted.length - 1] }
}

/** Work that starts operations and drops what they make. */
export const inScope =
  (body: () => unknown): (() => void) =>
  () => {
    scope(() => {
      body()
    })
  }

/**
 * Prints a table: milliseconds, and rates by the counts given, also in percent of what the machine can do.
 */
export function printTimings(title: string, timings: readonly Timing[], limits?: Limits): void {
  console.log(`\n${title}`)
  console.log(
    `${'work'.padEnd(52)}${'median ms'.padStart(11)}${'min'.padStart(9)}${'max'.padStart(9)}   rate`,
  )
  for (const { work, median, min, max } of timings) {
    const ms = [median, min, max].map((each) => (each * 1000).toFixed(each < 0.01 ? 3 : 1))
    const rates = [
      rateOf(work.flops, median, limits?.flops, 'GFLOP/s'),
      rateOf(work.bytes, median, limits?.bytes, 'GB/s'),
      work.tokens === undefined ? '' : `${(work.tokens / median).toFixed(0)} tokens/s`,
    ]
    const [a, b, c] = ms as [string, string, string]
    console.log(
      `${work.name.padEnd(52)}${a.padStart(11)}${b.padStart(9)}${c.padStart(9)}   ${rates.filter(Boolean).join('  ')}`,
    )
  }
}

function rateOf(count: number | undefined, seconds: number, limit: number | undefined, unit: string): string {
  if (count === undefined) return ''
  const rate = count / seconds
  const share = limit === undefined ? '' : ` (${((100 * rate) / limit).toFixed(0)}%)`
  return `${(rate / 1e9).toFixed(1)} ${unit}${share}`
}
