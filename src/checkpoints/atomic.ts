/** Files that are whole or not there: written beside, flushed to disk, and renamed into place. Node only. */
import { CheckpointError } from '../errors.ts'
import {
  copyFile,
  dirname,
  join,
  link,
  mkdir,
  open,
  rename,
  rm,
  stat,
  writeFile,
  type FileHandle,
} from '../platform.ts'
import { beside, removeAbandoned } from './temporary.ts'

/**
 * What a file is written from: as a whole, or in parts. What a generator of parts returns in the end replaces
 * the first bytes of the file: a header that is known only then.
 */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array, Uint8Array | void>

/**
 * Writes a file so that a reader, or a crash, sees the old one or the new one.
 *
 * @throws CheckpointError, also for a device or a pipe at `path`: it would become a file
 */
export async function writeAtomically(path: string, data: FileContent): Promise<void> {
  await replacing(path, async (temporary) => {
    await writeDurably(temporary, data)
    await rename(temporary, path)
    await flushFolder(dirname(path))
  })
}

/**
 * Writes a folder of files so that it appears whole or not at all. An older folder of that name is replaced.
 */
export async function writeFolderAtomically(
  path: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  await replacing(path, async (temporary) => {
    await mkdir(temporary)
    for (const [name, data] of Object.entries(files)) await writeDurably(join(temporary, name), data)
    await flushFolder(temporary)
    const old = beside(path)
    const replaced = await rename(path, old).then(
      () => true,
      () => false,
    )
    try {
      await rename(temporary, path)
    } catch (cause) {
      if (replaced) await rename(old, path)
      throw cause
    }
    await flushFolder(dirname(path))
    await rm(old, { recursive: true, force: true })
  })
}

/**
 * Makes `path` another name of the file `target`, replacing what was there in one step. Copies where links
 * are refused.
 */
export async function linkAtomically(
  target: string,
  path: string,
  makeLink: typeof link = link,
): Promise<void> {
  await replacing(path, async (temporary) => {
    await makeLink(target, temporary).catch(() => copyFile(target, temporary))
    await rename(temporary, path)
    // If both are names of one file, rename leaves both.
    await rm(temporary, { force: true })
  })
}

/**
 * Removes the file at `path`, if `isDamaged` says so of it. One that takes its place meanwhile is put back.
 */
export async function removeIf(isDamaged: (file: string) => Promise<boolean>, path: string): Promise<void> {
  const aside = beside(path)
  try {
    await rename(path, aside)
  } catch (cause) {
    // Another process was faster.
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
    throw writeError(cause, path)
  }
  if (!(await isDamaged(aside))) await link(aside, path).catch(() => undefined)
  await rm(aside, { force: true })
}

/**
 * Throws at once what would keep a file from being written later: whoever computes for long asks before.
 *
 * @throws CheckpointError
 */
export async function expectWritable(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) throw writeError(Object.assign(new Error(), { code: 'EISDIR' }), path)
  await replacing(path, async (temporary) => {
    await writeFile(temporary, '')
    await rm(temporary)
  })
}

async function expectNoDevice(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (!found || found.isFile() || found.isDirectory()) return
  throw new CheckpointError('a device, a pipe or a socket is in the place of the file', {
    where: path,
    hint: 'Choose another name',
  })
}

/**
 * Makes a folder, and those above it that are missing. One after the other: below /proc, the recursive
 * `mkdir` of Node 20 never returns.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeWithParents(path)
  } catch (cause) {
    throw writeError(cause, path)
  }
}

async function makeWithParents(path: string): Promise<void> {
  const make = (): Promise<void> =>
    mkdir(path).catch(async (cause: unknown) => {
      if (!(await isFolder(path))) throw cause
    })
  const parent = dirname(path)
  try {
    await make()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw cause
    await makeWithParents(parent)
    await make()
  }
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false

const REASONS: Readonly<Record<string, readonly [rule: string, hint: string]>> = {
  ENOSPC: ['the disk is full', 'Free some space. What was saved before is whole'],
  EDQUOT: ['the disk quota is used up', 'Free some space. What was saved before is whole'],
  EISDIR: ['a folder is in the place of the file', 'Choose another name'],
  EACCES: ['no permission to write here', 'Choose a folder of your own'],
  EPERM: ['no permission to write here', 'Choose a folder of your own'],
  ENOENT: ['no file or folder can be made here', 'Choose another folder'],
  EROFS: ['the file system can only be read', 'Choose another folder'],
  ENOTDIR: ['a file is in the place of a folder', 'Choose another folder'],
  EEXIST: ['a file is in the place of a folder', 'Choose another folder'],
  ENAMETOOLONG: ['the name is too long', 'Choose a shorter one'],
}

/** Gives a failed write a type, and says what to do. */
export function writeError(cause: unknown, path: string): Error {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  if (!(cause instanceof Error) || code === undefined) return cause as Error
  const [rule, hint] = REASONS[code] ?? [`cannot be written (${code})`, undefined]
  return new CheckpointError(rule, { where: path, cause, ...(hint === undefined ? {} : { hint }) })
}

async function replacing(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  await expectNoDevice(path)
  const temporary = beside(path)
  try {
    await write(temporary)
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined)
    throw writeError(cause, path)
  }
  await removeAbandoned(dirname(path), path)
}

export async function writeDurably(path: string, data: FileContent): Promise<void> {
  const file = await open(path, 'w')
  try {
    if (typeof data === 'string' || data instanceof Uint8Array) await writeFile(file, data)
    else await writeParts(file, data)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function writeParts(file: FileHandle, parts: Exclude<FileContent, string | Uint8Array>): Promise<void> {
  let head: Uint8Array | undefined
  await writeFile(
    file,
    (async function* () {
      head = (yield* parts) ?? undefined
    })(),
  )
  if (head) await writeAll(file, head, 0)
}

/** Writes all bytes at a place: one call may write fewer. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
  }
}

export async function flushFolder(path: string): Promise<void> {
  // Windows cannot open folders; its renames are durable enough.
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
