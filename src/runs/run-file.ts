/** run.json: what a run computes, and on what. Node only. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { ConfigError } from '../errors.ts'
import { writeAtomically } from '../checkpoints/atomic.ts'
import { parseJson } from './json.ts'
import { SETTINGS, type TextRun } from './settings.ts'

const VERSION = 1
const DEVICES = ['webgpu', 'wasm', 'reference'] as const

const schema = v.strictObject({
  version: v.literal(VERSION, `version ${VERSION}`),
  data: v.pipe(v.string('a path'), v.nonEmpty('a path')),
  ...SETTINGS,
  dataHash: v.pipe(v.string('a SHA-256'), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256')),
  device: v.picklist(DEVICES, DEVICES.join(', ')),
})

export interface StoredRun extends TextRun {
  /** SHA-256 of the data. */
  readonly dataHash: string
  /** Where the run began: only there it goes on with the same bits. */
  readonly device: (typeof DEVICES)[number]
}

const fileOf = (folder: string): string => join(folder, 'run.json')

export async function writeRun(folder: string, run: StoredRun): Promise<void> {
  await writeAtomically(fileOf(folder), `${JSON.stringify({ version: VERSION, ...run }, null, 2)}\n`)
}

/** Throws ConfigError if the folder holds no run, or a damaged one. */
export async function readRun(folder: string): Promise<StoredRun> {
  const text = await readRunFile(folder)
  if (text === undefined) {
    throw new ConfigError('not a run folder: it has no run.json', {
      where: folder,
      hint: 'Start a run with: npx sidewinder train text --data FILE',
    })
  }
  const { version: _, ...run } = parseJson(text, schema, fileOf(folder))
  return run
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
