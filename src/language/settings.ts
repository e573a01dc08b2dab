import { ConfigError } from '../errors.ts'

/** How the next token is drawn. */
export interface SamplingSettings {
  /** 0 takes the most probable token. Default: 0.8. */
  readonly temperature?: number
  /** Only the k most probable tokens. 0: all. */
  readonly topK?: number
  /** Only the most probable tokens that together have this probability. 1: all. */
  readonly topP?: number
  /** Only tokens at least this probable, as a part of the most probable one's probability. 0: all. */
  readonly minP?: number
  /** Above 1, tokens that occurred become less likely (Keskar et al. 2019). 1: off. */
  readonly repetitionPenalty?: number
  readonly seed?: number
}

/** Places of the packed settings; see `sample`. */
const REPETITION_PENALTY = 4

/** The settings as the `sample` operation takes them: f32 [8]. */
export function packSettings(settings: SamplingSettings): Float32Array {
  const { temperature = 0.8, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = settings
  expect('temperature', temperature, 0, Number.MAX_VALUE)
  expect('topK', topK, 0, Number.MAX_SAFE_INTEGER)
  expect('topP', topP, 0, 1)
  expect('minP', minP, 0, 1)
  expect('repetitionPenalty', repetitionPenalty, 1e-3, 1e3)
  return Float32Array.of(temperature, topK, topP, minP, repetitionPenalty, 0, 0, 0)
}

/** Whether tokens that occurred become less likely: whoever draws must then count them. */
export function penalises(packed: Float32Array): boolean {
  return packed[REPETITION_PENALTY] !== 1
}

function expect(where: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high)) {
    throw new ConfigError('out of range', { where, expected: `${low} to ${high}`, found: value })
  }
}
