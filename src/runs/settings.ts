/** What says what a run computes, and what each setting may be. */
import * as v from 'valibot'
import { ARCHITECTURE_NAMES } from '../models/config.ts'

/** How rows of a batch are cut from the text. */
export const BATCHINGS = ['random', 'carried', 'packed'] as const
export const SCHEDULES = ['cosine', 'wsd'] as const

/** A whole number. The message of each schema says what is expected. */
export const whole = (low: number, high: number) => {
  const expected = `a whole number from ${low} to ${high}`
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(low, expected),
    v.maxValue(high, expected),
  )
}

export const between = (low: number, high: number) => {
  const expected = `a number from ${low} to ${high}`
  return v.pipe(v.number(expected), v.minValue(low, expected), v.maxValue(high, expected))
}

const oneOf = <const T extends readonly string[]>(names: T) => v.picklist(names, names.join(', '))

/** The one table of settings: flags and run.json are checked by it. */
export const SETTINGS = {
  architecture: oneOf(ARCHITECTURE_NAMES),
  layers: whole(1, 1024),
  width: whole(1, 65_536),
  /** Absent: what suits the architecture. */
  state: v.optional(whole(1, 4096)),
  batch: whole(1, 65_536),
  length: whole(1, 1_048_576),
  batching: oneOf(BATCHINGS),
  steps: whole(1, 1e9),
  learningRate: between(1e-9, 10),
  schedule: oneOf(SCHEDULES),
  weightDecay: between(0, 10),
  maxNorm: between(1e-9, 1e9),
  /** Batches whose gradients are averaged before an update. */
  accumulation: whole(1, 65_536),
  recompute: v.boolean('true or false'),
  /** Part of the text that is held out, from its end. */
  validationPart: between(0, 0.9),
  evaluateEvery: whole(1, 1e9),
  checkpointEvery: whole(1, 1e9),
  /** Evaluations without improvement after which training stops; 0: never. */
  patience: whole(0, 1e6),
  seed: whole(0, 2 ** 32 - 1),
} as const

const schema = v.object(SETTINGS)

/** Everything that says what a run computes. Kept in the run folder as run.json, so that resuming needs no flags. */
export interface TextRun extends Readonly<v.InferOutput<typeof schema>> {
  /** A text file, or a folder of them. */
  readonly data: string
}

export const DEFAULT_RUN: Omit<TextRun, 'data'> = {
  architecture: 'mamba2',
  layers: 4,
  width: 256,
  batch: 8,
  length: 256,
  batching: 'random',
  steps: 2000,
  learningRate: 2e-3,
  schedule: 'cosine',
  weightDecay: 0.1,
  maxNorm: 1,
  accumulation: 1,
  recompute: false,
  validationPart: 0.1,
  evaluateEvery: 200,
  checkpointEvery: 200,
  patience: 0,
  seed: 0,
}
