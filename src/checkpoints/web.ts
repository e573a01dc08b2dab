/** Files at addresses: read in ranges, where the server gives them. */
import { CheckpointError } from '../errors.ts'
import { folderOf, reasonOf, type Folder } from './files.ts'
import type { FileSource } from './source.ts'

export interface WebOptions {
  readonly signal?: AbortSignal | undefined
  /** Told of a server that does not give ranges. */
  readonly warn: (message: string) => void
}

/** Files whose addresses differ in the last part. What there is, is not known: each name is asked for. */
export function openWebFolder(base: URL, options: WebOptions): Folder {
  const opened = new Map<string, Promise<FileSource | undefined>>()
  const find = (name: string): Promise<FileSource | undefined> => {
    const url = new URL(base)
    url.pathname = base.pathname.replace(/[^/]*$/, '') + name.split('/').map(encodeURIComponent).join('/')
    const known = opened.get(name) ?? openUrl(url, options)
    opened.set(name, known)
    return known
  }
  return folderOf({
    open: async (name) => {
      const file = await find(name)
      if (file) return file
      throw new CheckpointError('the server has no such file', { where: `${base.href}: ${name}` })
    },
    list: () => Promise.resolve([]),
    has: async (name) => (await find(name)) !== undefined,
  })
}

/** undefined: the server has no such file. */
async function openUrl(url: URL, options: WebOptions): Promise<FileSource | undefined> {
  const first = await request(url, 'bytes=0-0', options)
  if (first.status === 404 || first.status === 410) return undefined
  const size = Number(/\/(\d+)$/.exec(first.headers.get('content-range') ?? '')?.[1] ?? Number.NaN)
  if (first.status === 206 && Number.isSafeInteger(size)) {
    await first.body?.cancel()
    return { size, read: (start, end) => readRange(url, start, end, options) }
  }
  // An empty file has no range.
  if (first.status === 416) return { size: 0, read: () => Promise.resolve(new Uint8Array(0)) }
  if (!first.ok) {
    throw new CheckpointError('the server refuses the file', {
      where: url.href,
      found: `${first.status} ${first.statusText}`.trim(),
    })
  }
  options.warn(`[${url.href}] the server gives no ranges: the file is loaded whole`)
  const whole = await looking(url, () => first.blob())
  return {
    size: whole.size,
    read: async (start, end) => new Uint8Array(await whole.slice(start, end).arrayBuffer()),
  }
}

async function readRange(
  url: URL,
  start: number,
  end: number,
  options: WebOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  if (start === end) return new Uint8Array(0)
  const response = await request(url, `bytes=${start}-${end - 1}`, options)
  const bytes =
    response.status === 206 ? new Uint8Array(await looking(url, () => response.arrayBuffer())) : undefined
  if (bytes?.length === end - start) return bytes
  throw new CheckpointError('the server does not give the range that was asked for', {
    where: url.href,
    expected: `bytes ${start} to ${end - 1}`,
    found: bytes ? `${bytes.length} bytes` : String(response.status),
    hint: 'The file may have changed meanwhile: open it again',
  })
}

const request = (url: URL, range: string, { signal }: WebOptions): Promise<Response> =>
  looking(url, () => fetch(url, { headers: { range }, ...(signal && { signal }) }), signal)

/** What the network refuses is said with the address. */
async function looking<T>(url: URL, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await body()
  } catch (cause) {
    signal?.throwIfAborted()
    throw new CheckpointError('the address cannot be read', {
      where: url.href,
      cause,
      found: reasonOf(cause),
    })
  }
}
