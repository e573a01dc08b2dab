/** What callers give for a model, as one of the three things that are opened. */
import { looking } from '../../check.ts'
import { ConfigError, describe } from '../../errors.ts'
import { isNode } from '../../platform.ts'
import type { FileLike } from '../../checkpoints/source.ts'

/**
 * Where a model is: a folder or a file on disk (Node), a hub id `organisation/name[@revision]`, an address of
 * a file or (with a slash at its end) of a folder, or files in memory: one, a list as a file picker gives it,
 * or by name. In a page, `/chat.gguf` and `./model/` are addresses.
 */
export type ModelSource = string | URL | Blob | ArrayLike<File> | ReadonlyMap<string, FileLike>

/** A path or a hub id, an address, or files by name. */
export type Given = string | URL | ReadonlyMap<string, FileLike>

/**
 * Files are taken one by one or in a list, with the paths that a folder from a file picker gives them. In a
 * page, a text that begins as an address or a path is an address. Throws ConfigError for anything else.
 */
export function givenSource(source: unknown): Given {
  if (typeof source === 'string' && source !== '') return addressOf(source) ?? source
  if (source instanceof Map) return source as ReadonlyMap<string, FileLike>
  if (source instanceof URL) return source.protocol === 'file:' ? pathOf(source) : source
  if (source instanceof Blob) return new Map([[nameOf(source), source]])
  const list = looking('source', () => listOf(source))
  if (list?.every((each) => each instanceof Blob)) return byPath(list)
  throw new ConfigError('not a model', {
    where: 'source',
    expected: 'a path, a hub id, a URL, a File or Blob, a list of files, or a Map of files by name',
    found: describe(source),
  })
}

/** Whether files may be at an address: those of a page may be anywhere on its server. */
function addressOf(source: string): URL | undefined {
  if (/^(https?|blob):/i.test(source) && URL.canParse(source)) return new URL(source)
  if (/^file:/i.test(source) || isNode || !/^\.{0,2}\//.test(source)) return undefined
  return new URL(source, globalThis.document?.baseURI ?? globalThis.location.href)
}

const pathOf = (url: URL): string => decodeURIComponent(url.pathname).replace(/^\/(?=[A-Za-z]:\/)/, '')

/** A list, or what a file picker gives. */
function listOf(source: unknown): unknown[] | undefined {
  if (Array.isArray(source)) return source.length > 0 ? [...(source as unknown[])] : undefined
  return Object.prototype.toString.call(source) === '[object FileList]'
    ? Array.from(source as ArrayLike<unknown>)
    : undefined
}

/** A blob has no name: what is in it says what it is. */
const nameOf = (file: Blob): string =>
  'name' in file && typeof file.name === 'string' && file.name !== '' ? file.name : 'model'

/** Paths within the folder that was picked, if one was. */
function byPath(files: readonly Blob[]): ReadonlyMap<string, FileLike> {
  const paths = files.map((file) => {
    const path = 'webkitRelativePath' in file ? String(file.webkitRelativePath) : ''
    return path === '' ? nameOf(file) : path.slice(path.indexOf('/') + 1)
  })
  return new Map(files.map((file, i) => [paths[i], file]))
}
