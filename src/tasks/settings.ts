/**
 * What says what a run computes: the settings that all tasks have, and what a setting is. Flags and run.json
 * are made of them.
 */
import * as v from 'valibot'
import { between, flag as flagSchema, oneOf, seed, whole, word } from '../check.ts'
import { ARCHITECTURE_NAMES } from '../models/config.ts'

const SCHEDULES = ['cosine', 'wsd'] as const

type Kind = 'number' | 'choice' | 'flag' | 'text'

/** One setting: what it may be, what it is if nobody says, and how the command line tells of it. */
export interface Setting<T = unknown> {
  /** The values it may have. The message of a schema says what is expected. */
  readonly schema: v.GenericSchema
  /** Undefined: it may be absent. */
  readonly default: T
  readonly help: string
  /** Where `--help` lists it. */
  readonly group: 'Run' | 'Model' | 'Data' | 'Training'
  /** A flag takes no value: it says true. */
  readonly kind: Kind
  /** What the others take: `<n>`. */
  readonly takes?: string
  /** The words that it may be. */
  readonly choices?: readonly string[]
}

/** Settings by their names, which are those in run.json; `learningRate` is `--learning-rate`. */
export type Settings = Readonly<Record<string, Setting>>

/** The values of settings. Those without a default may be absent. */
export type ValuesOf<S extends Settings> = {
  readonly [K in keyof S as undefined extends S[K]['default'] ? never : K]: S[K]['default']
} & { readonly [K in keyof S as undefined extends S[K]['default'] ? K : never]?: S[K]['default'] }

type Group = Setting['group']

function number(group: Group, help: string, schema: v.GenericSchema<number>, value: number): Setting<number>
function number(group: Group, help: string, schema: v.GenericSchema<number>): Setting<number | undefined>
/** A number. Without a default it may be absent. */
function number(
  group: Group,
  help: string,
  schema: v.GenericSchema<number>,
  value?: number,
): Setting<number | undefined> {
  return { schema, kind: 'number', default: value, help, group, takes: '<n>' }
}

/** One word of a few. */
function choice<const T extends readonly string[]>(
  group: Group,
  help: string,
  choices: T,
  value: T[number],
): Setting<T[number]> {
  return { schema: oneOf(choices), kind: 'choice', default: value, help, group, takes: '<name>', choices }
}

/** A flag: false unless it is given. */
function flag(group: Group, help: string): Setting<boolean> {
  return { schema: flagSchema, kind: 'flag', default: false, help, group }
}

function text(group: Group, help: string, takes: string, value: string): Setting<string>
function text(group: Group, help: string, takes: string): Setting<string | undefined>
/** Any word. Without a default it may be absent. */
function text(group: Group, help: string, takes: string, value?: string): Setting<string | undefined> {
  return { schema: word('a text that is not empty'), kind: 'text', default: value, help, group, takes }
}

/** How settings are made. */
export const setting = {
  /** A number that has a default, or none if that is undefined. */
  number,
  /** One word of a few. */
  choice,
  /** A flag: false unless it is given. */
  flag,
  /** A word that may be anything. */
  text,
}

/** The settings that runs of all tasks have. */
export const COMMON = {
  seed: number('Run', 'same seed, same device: same bits', seed, 0),
  architecture: choice('Model', 'kind of layers', ARCHITECTURE_NAMES, 'mamba2'),
  layers: number('Model', 'number of layers', whole(1, 1024), 4),
  width: number('Model', 'width D of the residual stream', whole(1, 65_536), 256),
  state: number('Model', 'state size N (default: 16 for mamba, 64 for mamba2, 32 for s4d)', whole(1, 4096)),
  batch: number('Data', 'rows of a batch', whole(1, 65_536), 8),
  validationPart: number('Data', 'part of the training data that is held out', between(0, 0.9), 0.1),
  steps: number('Training', 'updates', whole(1, 1e9), 2000),
  learningRate: number('Training', 'peak of the schedule', between(1e-9, 10), 2e-3),
  schedule: choice('Training', 'cosine, or warmup-stable-decay', SCHEDULES, 'cosine'),
  weightDecay: number('Training', 'decoupled decay of matrices', between(0, 10), 0.1),
  maxNorm: number('Training', 'clip the gradient to this norm', between(1e-9, 1e9), 1),
  accumulation: number('Training', 'batches to an update', whole(1, 65_536), 1),
  recompute: flag('Training', 'less memory: compute layers again in backward'),
  evaluateEvery: number('Training', 'steps between validations', whole(1, 1e9), 200),
  checkpointEvery: number('Training', 'steps between checkpoints', whole(1, 1e9), 200),
  patience: number(
    'Training',
    'stop after this many validations without improvement; 0: never',
    whole(0, 1e6),
    0,
  ),
} as const satisfies Settings

/** The values of the settings that runs of all tasks have. */
export type CommonSettings = ValuesOf<typeof COMMON>

/** The schemas of settings, as the entries of one for an object. Those without a default may be absent. */
export const schemasOf = (settings: Settings): Record<string, v.GenericSchema> =>
  Object.fromEntries(
    Object.entries(settings).map(([name, { schema, default: value }]) => [
      name,
      value === undefined ? v.exactOptional(schema) : schema,
    ]),
  )

/** The defaults of settings; those without one are absent. */
export function defaultsOf<S extends Settings>(settings: S): ValuesOf<S> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, { default: value }]) =>
      value === undefined ? [] : [[name, value]],
    ),
  ) as ValuesOf<S>
}
