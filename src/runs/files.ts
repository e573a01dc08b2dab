/** Files that are whole or not there: written beside, flushed to disk, and renamed into place. Node only. */
import { link, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

let counter = 0

const beside = (path: string): string => join(dirname(path), `.${basename(path)}.${process.pid}-${counter++}.tmp`)

/** Writes a file so that a reader, or a crash, sees the old one or the new one. */
export async function writeAtomically(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = beside(path)
  await writeDurably(temporary, data)
  await rename(temporary, path)
  await flushFolder(dirname(path))
}

/** Writes a folder of files so that it appears whole or not at all. An older folder of that name is replaced. */
export async function writeFolderAtomically(
  path: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  const temporary = beside(path)
  await mkdir(temporary, { recursive: true })
  for (const [name, data] of Object.entries(files)) await writeDurably(join(temporary, name), data)
  await flushFolder(temporary)
  await rm(path, { recursive: true, force: true })
  await rename(temporary, path)
  await flushFolder(dirname(path))
}

/** Makes `path` another name of `target`, replacing what was there in one step. */
export async function linkAtomically(target: string, path: string): Promise<void> {
  const temporary = beside(path)
  await link(target, temporary)
  await rename(temporary, path)
}

/** Whether a name is a leftover of an interrupted write. */
export const isLeftover = (name: string): boolean => name.startsWith('.') && name.endsWith('.tmp')

async function writeDurably(path: string, data: string | Uint8Array): Promise<void> {
  const file = await open(path, 'w')
  try {
    await writeFile(file, data)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function flushFolder(path: string): Promise<void> {
  // Windows cannot open folders; its renames are durable enough.
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
