/** run.json: what a run computes, and on what. Node only. */
import * as v from 'valibot'
import { writeAtomically } from '../checkpoints/atomic.ts'
import { check, oneOf } from '../check.ts'
import { ConfigError } from '../errors.ts'
import { TASKS } from '../tasks/index.ts'
import { join, readFile } from '../platform.ts'
import { jsonOf, sealed, unsealed } from './json.ts'
import { entriesOf, type CompleteSettings } from './settings.ts'

/** Version 1 was text alone, and had no `task`. */
const VERSION = 2
const HINT = 'Take it from a copy. Who changes it on purpose removes the key crc32'
const DEVICES = ['webgpu', 'wasm', 'reference'] as const

const sha256 = v.pipe(v.string('a SHA-256'), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256'))

const versioned = v.looseObject({ version: v.picklist([1, VERSION], `version 1 or ${VERSION}`) })
const named = v.looseObject({ task: oneOf(Object.keys(TASKS)) })

const stored = {
  /** What the task learned of how to read its data. */
  encoding: v.exactOptional(v.unknown()),
  dataHash: sha256,
  testHash: v.exactOptional(sha256),
  device: v.picklist(DEVICES, DEVICES.join(', ')),
}

/** What run.json says of a run. */
export interface StoredRun extends CompleteSettings {
  readonly encoding?: unknown
  /** SHA-256 of the data. */
  readonly dataHash: string
  readonly testHash?: string | undefined
  /** Where the run began: only there it goes on with the same bits. */
  readonly device: (typeof DEVICES)[number]
}

const fileOf = (folder: string): string => join(folder, 'run.json')

export async function writeRun(folder: string, run: StoredRun): Promise<void> {
  const file = sealed({ version: VERSION, ...run })
  await writeAtomically(fileOf(folder), `${JSON.stringify(file, null, 2)}\n`)
}

/**
 * What a run folder says of its run.
 *
 * @throws ConfigError if the folder holds no run, or what no run can be; CheckpointError if run.json is not
 *   as it was written
 */
export async function readRun(folder: string): Promise<StoredRun> {
  const text = await readRunFile(folder)
  if (text === undefined) {
    throw new ConfigError('not a run folder: it has no run.json', {
      where: folder,
      hint: 'Start a run with: npx sidewinder train text --data FILE',
    })
  }
  const where = fileOf(folder)
  const json = unsealed(jsonOf(text, where), where, HINT)
  const { version } = check(json, versioned, where)
  const task = version === 1 ? 'text' : check(json, named, where).task
  const schema = v.strictObject({
    version: v.number(),
    ...entriesOf(task),
    ...stored,
    ...(version === 1 && { task: v.exactOptional(v.never('nothing, as this is version 1')) }),
  })
  const { version: _, ...run } = check(json, schema, where)
  return { ...run, task } as unknown as StoredRun
}

export async function holdsRun(folder: string): Promise<boolean> {
  return (await readRunFile(folder)) !== undefined
}

async function readRunFile(folder: string): Promise<string | undefined> {
  try {
    return await readFile(fileOf(folder), 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ConfigError('cannot be read', { where: fileOf(folder), found: code, cause })
  }
}
