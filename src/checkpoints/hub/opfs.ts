/**
 * The cache in the private files of a page: the same layout, but that a snapshot's files hold the paths of
 * their blobs in place of links. What is written of a blob is kept when its download ends or breaks, not when
 * the page is closed in the middle.
 */
import { CheckpointError } from '../../errors.ts'
import { reasonOf } from '../files.ts'
import { decodeText, sourceOf } from '../source.ts'
import { isCommit } from './id.ts'
import type { Store, Unfinished } from './store.ts'

const POINTER = /^\.\.\/\.\.\/blobs\/([A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/

export async function openOpfs(cache: string, repository: string): Promise<Store> {
  if (typeof navigator !== 'object' || !navigator.storage?.getDirectory) {
    throw new CheckpointError('no place to keep downloads', {
      where: repository,
      expected: 'a page served over https or from localhost, in a browser with private files (OPFS)',
    })
  }
  const path = [...cache.split('/').filter(Boolean), `models--${repository.replace('/', '--')}`]
  let top = await writing(repository, navigator.storage.getDirectory())
  for (const name of path) top = await writing(repository, top.getDirectoryHandle(name, { create: true }))
  return storeIn(top, path.join('/'))
}

function storeIn(top: FileSystemDirectoryHandle, where: string): Store {
  const blob = async (etag: string): Promise<File | undefined> => fileAt(top, ['blobs', etag])
  const blobOf = async (commit: string, name: string): Promise<string | undefined> =>
    POINTER.exec((await textAt(top, ['snapshots', commit, ...name.split('/')])) ?? '')?.[1]
  return {
    where,
    async readRef(revision) {
      const text = await textAt(top, ['refs', ...revision.split('/')])
      return text !== undefined && isCommit(text) ? text : undefined
    },
    writeRef: (revision, commit) => writeText(top, ['refs', ...revision.split('/')], commit),
    async names(commit) {
      const names: string[] = []
      const folder = await folderAt(top, ['snapshots', commit], false)
      for await (const [name, handle] of folder?.entries() ?? []) if (handle.kind === 'file') names.push(name)
      return names.toSorted()
    },
    async open(commit, name) {
      const etag = await blobOf(commit, name)
      const file = etag === undefined ? undefined : await blob(etag)
      return file && sourceOf(file)
    },
    blobOf,
    isAbsent: () => Promise.resolve(false),
    isChecked: async (etag) => (await textAt(top, ['checked', etag])) === stampOf(await blob(etag)),
    markChecked: async (etag) => writeText(top, ['checked', etag], stampOf(await blob(etag))),
    link: (commit, name, etag) =>
      writeText(top, ['snapshots', commit, ...name.split('/')], `../../blobs/${etag}`),
    blobSize: async (etag) => (await blob(etag))?.size,
    unfinished: (etag) => openUnfinished(top, etag, `${where}/blobs/${etag}`),
    async exclusively(etag, body, signal, onWait) {
      const name = `${where}/blobs/${etag}`
      const free = await navigator.locks.request(name, { ifAvailable: true }, (lock) => lock !== null)
      if (!free) onWait()
      return navigator.locks.request(name, signal ? { signal } : {}, body)
    },
  }
}

/** What changes when a file is written. */
const stampOf = (file: File | undefined): string => `${file?.size} ${file?.lastModified}`

/** Renaming has no type in TypeScript's library yet. */
type Movable = FileSystemFileHandle & { move(name: string): Promise<void> }

async function openUnfinished(
  top: FileSystemDirectoryHandle,
  etag: string,
  where: string,
): Promise<Unfinished> {
  const name = `${etag}.incomplete`
  const folder = (await writing(where, folderAt(top, ['blobs'], true)))!
  const handle = (await writing(where, folder.getFileHandle(name, { create: true }))) as Movable
  const before = sourceOf(await handle.getFile())
  const stream = await writing(where, handle.createWritable({ keepExistingData: true }))
  return {
    before,
    write: (data, position) =>
      writing(where, stream.write({ type: 'write', position, data: data as Uint8Array<ArrayBuffer> })),
    empty: () => writing(where, stream.truncate(0)),
    keep: () => writing(where, stream.close()),
    async finish() {
      await writing(where, stream.close())
      await writing(where, handle.move(etag))
    },
    async discard() {
      await stream.abort()
      await folder.removeEntry(name)
    },
  }
}

async function folderAt(
  top: FileSystemDirectoryHandle,
  path: readonly string[],
  create: boolean,
): Promise<FileSystemDirectoryHandle | undefined> {
  let folder = top
  for (const name of path) {
    try {
      folder = await folder.getDirectoryHandle(name, { create })
    } catch (cause) {
      if (create) throw cause
      return undefined
    }
  }
  return folder
}

async function fileAt(top: FileSystemDirectoryHandle, path: readonly string[]): Promise<File | undefined> {
  const folder = await folderAt(top, path.slice(0, -1), false)
  const handle = await folder?.getFileHandle(path.at(-1)!).catch(() => undefined)
  return handle?.getFile()
}

async function textAt(top: FileSystemDirectoryHandle, path: readonly string[]): Promise<string | undefined> {
  const file = await fileAt(top, path)
  return file && decodeText(new Uint8Array(await file.arrayBuffer()), path.join('/'))
}

async function writeText(
  top: FileSystemDirectoryHandle,
  path: readonly string[],
  text: string,
): Promise<void> {
  const where = path.join('/')
  const folder = (await writing(where, folderAt(top, path.slice(0, -1), true)))!
  const handle = await writing(where, folder.getFileHandle(path.at(-1)!, { create: true }))
  const stream = await writing(where, handle.createWritable())
  try {
    await writing(where, stream.write(text))
    await writing(where, stream.close())
  } catch (error) {
    await stream.abort().catch(() => undefined)
    throw error
  }
}

async function writing<T>(where: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw new CheckpointError("the page's private files cannot be written", {
      where,
      found: reasonOf(cause),
      hint: "Free some of the browser's storage for this page",
      cause,
    })
  }
}
