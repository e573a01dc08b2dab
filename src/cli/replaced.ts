/** Files are not replaced unasked. */
import { Option } from 'commander'
import { lstat } from 'node:fs/promises'
import { identityOf } from '../checkpoints/replaced.ts'
import { ConfigError } from '../errors.ts'

export const forceFlag = (): Option => new Option('--force', 'replace a file that is there')

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
  // Writing to a device, such as /dev/null, replaces nothing. Of a folder, the writer says what is wrong.
  if (!found || !(found.isFile() || found.isSymbolicLink())) return
  if (source !== undefined && (await identityOf(source)) === (await identityOf(path))) return
  throw new ConfigError('the file is there already', {
    where: path,
    hint: 'Choose another name, or give --force to replace it',
  })
}
