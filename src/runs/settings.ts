/** What says what a run computes: the settings of its task, completed and checked. */
import * as v from 'valibot'
import { check, word } from '../check.ts'
import { ConfigError } from '../errors.ts'
import { taskDefinition, type TASKS, type TaskName } from '../tasks/index.ts'
import {
  COMMON,
  defaultsOf,
  schemasOf,
  type CommonSettings,
  type Settings,
  type ValuesOf,
} from '../tasks/settings.ts'

const path = word('a path')

/** Where the data are. */
const PATHS = { data: path, test: v.exactOptional(path), from: v.exactOptional(path) }

interface Paths {
  /** A file, or what else the task reads. */
  readonly data: string
  /** Other data of the same kind, which the finished model is tested on. */
  readonly test?: string | undefined
  /**
   * A model to train on from, with its architecture and tokenizer: what `loadModel` takes as a path or hub
   * id.
   */
  readonly from?: string | undefined
}

/** What starts a run: a task, its data, and what is not to be as by default. */
export type RunSettings = {
  [Name in TaskName]: { readonly task: Name } & Paths &
    Partial<CommonSettings & ValuesOf<(typeof TASKS)[Name]['settings']>>
}[TaskName]

/** Everything that says what a run computes. */
export interface CompleteSettings extends Paths, CommonSettings {
  readonly task: string
  readonly [own: string]: unknown
}

/** Settings that a model to train on from has already. */
export const MODEL_SETTINGS = ['architecture', 'layers', 'width', 'state'] as const

/** All settings that runs of a task have. */
export const settingsOf = (task: string): Settings => ({ ...COMMON, ...taskDefinition(task).settings })

/** The settings of a run of a task, as a schema's entries. */
export const entriesOf = (task: string) => ({
  task: v.literal(task),
  ...PATHS,
  ...schemasOf(settingsOf(task)),
})

/**
 * What is not given is as by default.
 *
 * @throws ConfigError for a task or a setting that does not exist, or a value that cannot be
 */
export function completeSettings(given: RunSettings): CompleteSettings {
  const { task } = given
  if (typeof task !== 'string')
    throw new ConfigError('a run needs a task', { where: 'task', found: String(task) })
  // What is undefined is not given.
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const twice = MODEL_SETTINGS.find((name) => known['from'] !== undefined && Object.hasOwn(known, name))
  if (twice !== undefined) {
    throw new ConfigError('the model to train on from says this itself', {
      where: `settings: ${twice}`,
      found: String(known[twice]),
      hint: 'Leave it out',
    })
  }
  const complete = { ...defaultsOf(settingsOf(task)), ...known }
  return check(complete, v.strictObject(entriesOf(task)), 'settings') as unknown as CompleteSettings
}
