/** The package as npm publishes it, installed in a folder of its own. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installTools, npm, plainEnvironment } from './tools.ts'

const exec = promisify(execFile)
export const root = join(import.meta.dirname, '../..')

/** What `run.mjs` prints. */
export interface Ran {
  readonly losses: readonly number[]
  readonly text: string
  readonly again: string
  readonly description: string
}

export interface Packed {
  readonly tools: string
  readonly tarball: string
  /** A folder whose node_modules have the package. */
  readonly folder: string
  /** What came out in this Node; its model is in `folder`/public/model. */
  readonly here: Ran
  remove(): Promise<void>
}

export async function pack(): Promise<Packed> {
  const tools = await installTools()
  const folder = await mkdtemp(join(tools, 'run-'))
  const printed = await npm(root, 'pack', '--silent', '--pack-destination', folder)
  const tarball = join(folder, printed.trim().split('\n').at(-1)!)
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  await npm(folder, 'install', tarball, '--no-package-lock', '--ignore-scripts')
  await cp(join(import.meta.dirname, 'run.mjs'), join(folder, 'run.mjs'))
  const here = await runWith(process.execPath, [], folder, 'public/model')
  return { tools, tarball, folder, here, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** Runs `run.mjs` with an engine; a line to the error stream is a fault. */
export async function runWith(
  engine: string,
  args: readonly string[],
  folder: string,
  model: string,
): Promise<Ran> {
  const { stdout, stderr } = await exec(engine, [...args, 'run.mjs', model], {
    cwd: folder,
    env: plainEnvironment(),
    timeout: 60_000,
  })
  if (stderr !== '') throw new Error(stderr)
  return JSON.parse(stdout) as Ran
}
