/** A hub on this machine, with a content server at another origin. Node only. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const REPOSITORY = 'org/tiny-mamba'
export const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const REVISIONS: readonly string[] = ['main', 'v1.0', 'refs/pr/1', COMMIT]
/** Not the hub's: content servers have their own. */
export const CONTENT_ETAG = '"of-the-content-server"'

interface Seen {
  readonly server: 'hub' | 'content'
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  /** Bytes of the body that were sent. */
  sent: number
}

type Handler = (request: IncomingMessage, response: ServerResponse, seen: Seen) => boolean

export interface HubServer {
  readonly url: string
  /** The other origin. */
  readonly content: string
  /** All requests so far. */
  readonly seen: Seen[]
  /** Files by path. Those that end in `.safetensors` are stored as large files. */
  readonly files: Map<string, Uint8Array>
  /** Takes a request before the server does, if it returns true. */
  intercept: Handler
  /** Whether the listing has sizes and hashes. */
  detailed: boolean
  requests(path: RegExp): Seen[]
  close(): Promise<void>
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
export const gitSha1 = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')

const isLarge = (path: string): boolean => path.endsWith('.safetensors')
export async function startHub(files: ReadonlyMap<string, Uint8Array>): Promise<HubServer> {
  const seen: Seen[] = []
  const listen = async (server: Seen['server'], answer: Handler): Promise<Server> => {
    const listening = createServer((request, response) => {
      const entry: Seen = {
        server,
        method: request.method!,
        path: request.url!,
        headers: request.headers,
        sent: 0,
      }
      seen.push(entry)
      if (!hub.intercept(request, response, entry) && !answer(request, response, entry)) {
        response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end()
      }
    })
    listening.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    return listening
  }
  const atContent: Handler = (request, response, entry) => {
    const bytes = [...hub.files.values()].find((file) => request.url === `/blob/${sha256(file)}`)
    if (bytes) sendPart(bytes, CONTENT_ETAG, request, response, entry)
    return bytes !== undefined
  }
  const servers = [
    await listen('hub', (request, response, entry) => atHub(hub, request, response, entry)),
    await listen('content', atContent),
  ]
  const [url, content] = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const hub: HubServer = {
    url,
    content,
    seen,
    files: new Map(files),
    intercept: () => false,
    detailed: true,
    requests: (path) => seen.filter((entry) => path.test(entry.path)),
    async close() {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
      await Promise.all(servers.map((server) => once(server, 'close')))
    },
  }
  return hub
}

function atHub(hub: HubServer, request: IncomingMessage, response: ServerResponse, seen: Seen): boolean {
  const [path] = request.url!.split('?')
  const listing = `/api/models/${REPOSITORY}/revision/`
  if (path.startsWith(listing)) {
    if (!REVISIONS.includes(decodeURIComponent(path.slice(listing.length)))) {
      response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end()
      return true
    }
    const siblings = [...hub.files].map(([file, bytes]) => describe(file, bytes, hub.detailed))
    send(response, 200, JSON.stringify({ id: REPOSITORY, sha: COMMIT, siblings }))
    return true
  }
  const folder = `/${REPOSITORY}/resolve/${COMMIT}/`
  const bytes = path.startsWith(folder) ? hub.files.get(path.slice(folder.length)) : undefined
  if (!bytes) return false
  if (isLarge(path)) {
    const linked = {
      'x-repo-commit': COMMIT,
      'x-linked-etag': `"${sha256(bytes)}"`,
      'x-linked-size': bytes.length,
    }
    response.writeHead(302, { ...linked, location: `${hub.content}/blob/${sha256(bytes)}` }).end()
  } else {
    sendPart(bytes, `"${gitSha1(bytes)}"`, request, response, seen)
  }
  return true
}

function describe(path: string, bytes: Uint8Array, detailed: boolean): object {
  if (!detailed) return { rfilename: path }
  const large = isLarge(path) && { lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 130 } }
  return { rfilename: path, size: bytes.length, blobId: gitSha1(bytes), ...large }
}

export function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(text)
}

/** The file, or what Range asks for. */
function sendPart(
  bytes: Uint8Array,
  etag: string,
  request: IncomingMessage,
  response: ServerResponse,
  seen: Seen,
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const unchanged = [undefined, etag].includes(request.headers['if-range'] as string | undefined)
  const part = unchanged && start > 0 ? bytes.subarray(start) : bytes
  const headers = { etag, 'content-length': part.length }
  if (part === bytes) response.writeHead(200, headers)
  else {
    const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`
    response.writeHead(206, { ...headers, 'content-range': range })
  }
  if (request.method !== 'HEAD') seen.sent = part.length
  response.end(request.method === 'HEAD' ? undefined : part)
}

/** Announces the whole file, sends `length` bytes of it, and then nothing more. */
export function sendStart(bytes: Uint8Array, length: number, response: ServerResponse, seen: Seen): void {
  response.writeHead(200, { etag: CONTENT_ETAG, 'content-length': bytes.length })
  seen.sent = length
  response.write(bytes.subarray(0, length))
}
