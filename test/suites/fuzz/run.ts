/**
 * Feeds mutated inputs to a reader: whatever it does but read them, or refuse them with an error of ours, is
 * a finding.
 */
import { SidewinderError } from '../../../src/errors.ts'
import { Random } from '../../../src/tensor/random.ts'
import { mutate } from './mutate.ts'

export interface FuzzTarget {
  readonly name: string
  /** Files to mutate. */
  seeds(): Promise<readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[]>
  /** Reads all of one. */
  run(bytes: Uint8Array<ArrayBuffer>): Promise<void>
}

export interface FuzzReport {
  readonly target: string
  readonly inputs: number
  /** Inputs that were read; all others were refused. */
  readonly accepted: number
  readonly slowest: number
  /** Growth of array buffers over one input, the largest, in bytes. */
  readonly mostMemory: number
  /**
   * How far the most resident memory of the process rose, also for a moment, in bytes: garbage of all inputs
   * included.
   */
  readonly residentGrowth: number
  readonly findings: readonly string[]
}

/** The most memory: so many times the input, and this. */
const MEMORY_FACTOR = 10
const MEMORY_BASE = 64 * 2 ** 20
const MOST_FINDINGS = 10
/** Garbage that may wait for its collection. */
const GARBAGE = 256 * 2 ** 20

export interface FuzzOptions {
  readonly inputs: number
  readonly seed: number
  /** The longest time for an input, in ms. */
  readonly mostTime: number
}

export async function fuzz(target: FuzzTarget, { inputs, seed, mostTime }: FuzzOptions): Promise<FuzzReport> {
  const random = new Random(seed)
  const seeds = await target.seeds()
  const findings: string[] = []
  const most = Math.max(...seeds.map(({ bytes }) => bytes.length))
  const resident = mostResident()
  let [accepted, slowest, mostMemory] = [0, 0, 0]
  for (let i = 0; i < inputs && findings.length < MOST_FINDINGS; i++) {
    const from = seeds[random.integer(seeds.length)]
    const bytes = mutate(from.bytes, seeds[random.integer(seeds.length)].bytes, random)
    const memory = buffersNow()
    const began = performance.now()
    const problem = await target.run(bytes).then(
      () => void accepted++,
      (error: unknown) => (error instanceof SidewinderError ? undefined : stackOf(error)),
    )
    const took = performance.now() - began
    const grown = buffersNow() - memory
    slowest = Math.max(slowest, took)
    mostMemory = Math.max(mostMemory, grown)
    const where = `${target.name}: input ${i} of seed ${seed}, from ${from.name}, ${bytes.length} bytes`
    if (problem) findings.push(`${where}: ${problem}`)
    if (took > mostTime) findings.push(`${where}: took ${Math.round(took)} ms`)
    if (grown > MEMORY_FACTOR * bytes.length + MEMORY_BASE) findings.push(`${where}: took ${grown} bytes`)
  }
  const residentGrowth = mostResident() - resident
  if (residentGrowth > MEMORY_FACTOR * most + MEMORY_BASE + GARBAGE) {
    findings.push(`${target.name}: some input made the process grow by ${residentGrowth} bytes`)
  }
  return { target: target.name, inputs, accepted, slowest, mostMemory, residentGrowth, findings }
}

const buffersNow = (): number => globalThis.process?.memoryUsage?.().arrayBuffers ?? 0

/** The high-water mark. */
const mostResident = (): number => 1024 * (globalThis.process?.resourceUsage?.().maxRSS ?? 0)

const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' | ') : String(error)
