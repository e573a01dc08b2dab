import { between, seed, whole, type Declared } from '../check.ts'

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
  /** A whole number up to 2^53 - 1. */
  readonly seed?: number
}

/** What the settings may be: finite in f32, which kernels compute in. The command line asks for the same. */
export const SAMPLING = {
  temperature: between(0, 1e6),
  topK: whole(0, 1e9),
  topP: between(0, 1),
  minP: between(0, 1),
  repetitionPenalty: between(0.001, 1000),
  seed,
} satisfies Declared<SamplingSettings>

/** Places of the packed settings; see `sample`. */
const REPETITION_PENALTY = 4

/** The settings as the `sample` operation takes them: f32 [8]. */
export function packSettings(settings: SamplingSettings): Float32Array {
  const { temperature = 0.8, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = settings
  return Float32Array.of(temperature, topK, topP, minP, repetitionPenalty, 0, 0, 0)
}

/** Whether tokens that occurred become less likely: whoever draws must then count them. */
export function penalises(packed: Float32Array): boolean {
  return packed[REPETITION_PENALTY] !== 1
}
