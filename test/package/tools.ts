/**
 * Bundlers and engines that only the tests of the package need. They are installed once for each lock file,
 * outside of the repository: Next.js takes the outermost lock file for the root of a workspace.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const source = join(import.meta.dirname, 'tools')

/** Runs npm in a folder. */
export async function npm(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await exec('npm', [...args, '--no-audit', '--no-fund'], {
    cwd,
    env: plainEnvironment(),
    shell: process.platform === 'win32',
    maxBuffer: 2 ** 26,
  })
  return stdout
}

/** The environment without what npm and the test runner have put there. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_(registry|userconfig|cache))|VITE|CI$|NODE_ENV$|NODE_OPTIONS$)/i.test(name),
  )
  return { ...Object.fromEntries(entries), NEXT_TELEMETRY_DISABLED: '1' }
}

/** Installs the tools, unless they are there. Rejects with npm's words. */
export async function installTools(): Promise<string> {
  const files = ['package.json', 'package-lock.json', '.npmrc']
  const hash = createHash('sha256')
  for (const name of files) hash.update(await readFile(join(source, name)))
  const folder = join(tmpdir(), `sidewinder-tools-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(folder)) return folder
  const draft = await mkdtemp(`${folder}-`)
  try {
    for (const name of files) await copyFile(join(source, name), join(draft, name))
    await npm(draft, 'ci', '--ignore-scripts')
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return folder
}
