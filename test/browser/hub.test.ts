/** Downloads in a page: kept in its private files. A function plays the server. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openHub, type HubOptions } from '../../src/checkpoints/hub/index.ts'
import type { Folder } from '../../src/checkpoints/files.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const WEIGHTS = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 24)
const CONFIG = new TextEncoder().encode('{"model_type": "mamba"}')
const HALF = 123_456

interface Asked {
  readonly path: string
  readonly range: string | null
}

let asked: Asked[] = []
let cache = ''
let count = 0
/** Takes a request before the server does. */
let intercept: (asked: Asked) => Response | undefined = () => undefined

async function hex(algorithm: string, bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest(algorithm, new Uint8Array(bytes)))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

async function gitSha1(bytes: Uint8Array): Promise<string> {
  const whole = await new Blob([`blob ${bytes.length}\0`, new Uint8Array(bytes)]).arrayBuffer()
  return hex('SHA-1', new Uint8Array(whole))
}

const server: typeof fetch = async (input, init) => {
  const request = { path: new URL(input as string).pathname, range: new Headers(init?.headers).get('range') }
  asked.push(request)
  const first = intercept(request)
  if (first) return first
  if (request.path.startsWith('/api/')) {
    const siblings = [
      { rfilename: 'config.json', size: CONFIG.length, blobId: await gitSha1(CONFIG) },
      {
        rfilename: 'model.safetensors',
        size: WEIGHTS.length,
        lfs: { sha256: await hex('SHA-256', WEIGHTS) },
      },
    ]
    return Response.json({ sha: COMMIT, siblings })
  }
  const bytes = request.path.endsWith('config.json') ? CONFIG : WEIGHTS
  const start = Number(/\d+/.exec(request.range ?? '')?.[0] ?? 0)
  // Another origin may hide Content-Range.
  return new Response(bytes.slice(start), { status: start > 0 ? 206 : 200 })
}

/** Half of the weights, then a broken connection. */
function broken(): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(WEIGHTS.slice(0, HALF)),
    pull: (controller) => controller.error(new TypeError('network error')),
  })
  return new Response(body)
}

const open = (options: HubOptions = {}, revision = ''): Promise<Folder> =>
  openHub(`org/name${revision}`, { endpoint: 'https://hub.test', cache, fetch: server, delay: 1, ...options })

async function bytesOf(folder: Folder): Promise<Uint8Array> {
  const source = await folder.open('model.safetensors')
  return source.read(0, source.size)
}

const isWhole = async (folder: Folder): Promise<boolean> =>
  (await hex('SHA-256', await bytesOf(folder))) === (await hex('SHA-256', WEIGHTS))

async function blobs(): Promise<string[]> {
  let folder = await navigator.storage.getDirectory()
  for (const name of [cache, 'models--org--name', 'blobs']) folder = await folder.getDirectoryHandle(name)
  const names: string[] = []
  for await (const name of folder.keys()) names.push(name)
  return names
}

beforeEach(() => {
  asked = []
  intercept = () => undefined
  cache = `hub-test-${count++}`
})

afterEach(async () => {
  await (await navigator.storage.getDirectory()).removeEntry(cache, { recursive: true })
})

describe('the private files of a page', () => {
  test('files are loaded once', async () => {
    const folder = await open()
    expect(await folder.list()).toEqual(['config.json', 'model.safetensors'])
    expect(await folder.text('config.json')).toBe('{"model_type": "mamba"}')
    expect(await isWhole(folder)).toBe(true)
    expect(asked).toHaveLength(3)
    const again = await open({}, `@${COMMIT}`)
    const source = await again.open('model.safetensors')
    expect(await source.read(1000, 1010)).toEqual(WEIGHTS.slice(1000, 1010))
    expect(asked).toHaveLength(3)
    const offline = await open({ offline: true })
    expect(await offline.list()).toEqual(['config.json', 'model.safetensors'])
    expect(await offline.text('config.json')).toContain('mamba')
  })

  test('a broken transfer is continued, at once and later', async () => {
    let left = 1
    intercept = ({ path }) => (path.endsWith('model.safetensors') && left-- > 0 ? broken() : undefined)
    await expect(bytesOf(await open({ attempts: 1 }))).rejects.toThrow(/given up after 1 attempt/)
    expect(await blobs()).toEqual([`${await hex('SHA-256', WEIGHTS)}.incomplete`])
    expect(await isWhole(await open())).toBe(true)
    expect(asked.at(-1)!.range).toBe(`bytes=${HALF}-`)
    expect(await blobs()).toEqual([await hex('SHA-256', WEIGHTS)])
  })

  test('damaged files leave nothing', async () => {
    let left = 2
    intercept = ({ path }) => {
      if (path.startsWith('/api/') || left-- <= 0) return undefined
      return new Response(new Uint8Array(path.endsWith('config.json') ? CONFIG.length : WEIGHTS.length))
    }
    const folder = await open()
    await expect(folder.text('config.json')).rejects.toThrow(/git SHA-1/)
    await expect(bytesOf(folder)).rejects.toThrow(/SHA-256/)
    expect(await blobs()).toEqual([])
    expect(await folder.text('config.json')).toContain('mamba')
    expect(await isWhole(folder)).toBe(true)
  })

  test('two that want the same file load it once', async () => {
    const folders = await Promise.all([
      open({ onWarning: () => undefined }),
      open({ onWarning: () => undefined }),
    ])
    expect(await Promise.all(folders.map(isWhole))).toEqual([true, true])
    expect(asked.filter(({ path }) => path.endsWith('model.safetensors'))).toHaveLength(1)
  })

  test('the hub fails: what is cached is taken, with a warning', async () => {
    await (await open({}, '@refs/pr/1')).text('config.json')
    intercept = () => new Response(null, { status: 503 })
    const warnings: string[] = []
    const folder = await open({ onWarning: (text) => warnings.push(text) }, '@refs/pr/1')
    expect(await folder.text('config.json')).toContain('mamba')
    expect(warnings).toEqual([expect.stringMatching(/the cached 0123.* is taken/)])
  })

  test('a redirect, which only the browser sees, is followed', async () => {
    const modes: unknown[] = []
    const opaque = { type: 'opaqueredirect', status: 0, ok: false, headers: new Headers(), body: null }
    const redirecting: typeof fetch = (input, init) => {
      if ((input as string).includes('/api/')) return server(input, init)
      modes.push(init?.redirect)
      return init?.redirect === 'manual'
        ? Promise.resolve(opaque as unknown as Response)
        : server(input, init)
    }
    expect(await (await open({ fetch: redirecting })).text('config.json')).toContain('mamba')
    expect(modes).toEqual(['manual', 'follow'])
  })
})
