/** What is there is not replaced unasked. */
import { Option } from 'commander'
import { lstat, stat } from 'node:fs/promises'
import { identityOf } from '../checkpoints/replaced.ts'
import { ConfigError } from '../errors.ts'
import { expectReplaceable } from '../models/files/replaceable.ts'

export const forceFlag = (): Option => new Option('--force', 'replace files that are there')

interface Replacing {
  readonly force?: boolean | undefined
  /** What is read: written back onto itself, it is no other file that is lost. */
  readonly source?: string | undefined
}

/**
 * For commands that write one file, before they begin to work.
 *
 * @throws ConfigError if something is at `path`
 */
export async function expectNew(path: string, { force = false, source }: Replacing = {}): Promise<void> {
  const found = force ? undefined : await lstat(path).catch(() => undefined)
  // Of a folder or a device, the writer says what is wrong.
  if (!found || !(found.isFile() || found.isSymbolicLink())) return
  if (source !== undefined && (await identityOf(source)) === (await identityOf(path))) return
  throw new ConfigError('the file is there already', {
    where: path,
    hint: 'Choose another name, or give --force to replace it',
  })
}

/**
 * For what writes a model's folder, before it opens the model.
 *
 * @throws CheckpointError if a model, or a file that would be part of it, is at `path`
 */
export async function expectNewFolder(path: string, { force = false, source }: Replacing): Promise<void> {
  const found = force ? undefined : await stat(path).catch(() => undefined)
  if (!found?.isDirectory() || (await identityOf(source ?? '')) === (await identityOf(path))) return
  // What else will be written is known when the model is open, and is then looked at again.
  await expectReplaceable(path, new Set(['config.json']), false)
}
