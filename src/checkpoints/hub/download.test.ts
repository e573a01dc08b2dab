import { readFile, stat, writeFile, mkdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { COMMIT, CONTENT_ETAG, sendStart, sha256, type HubServer } from '../../../test/hub-server.ts'
import { CheckpointError } from '../../errors.ts'
import type { HubOptions } from './index.ts'
import { Bench, DIGEST, WEIGHTS } from './testing.ts'

const bench = new Bench()
const BLOBS = /^\/blob\//
const LENGTH = WEIGHTS.length
const HALF = 123_456

/** Takes the first requests for the weights. */
function first(times: number, handler: HubServer['intercept']): void {
  let left = times
  bench.hub.intercept = (request, response, seen) =>
    BLOBS.test(request.url!) && left-- > 0 ? handler(request, response, seen) : false
}

/** Sends half of the weights; `onProgress` breaks the connection when they have arrived. */
let breakIt = (): void => undefined
const breaking: HubServer['intercept'] = (_, response, seen) => {
  sendStart(WEIGHTS, HALF, response, seen)
  breakIt = () => void response.destroy()
  return true
}
const onProgress: HubOptions['onProgress'] = ({ received }) => {
  if (received === HALF) breakIt()
}

async function keepHalf(bytes: Uint8Array = WEIGHTS.subarray(0, HALF)): Promise<void> {
  await mkdir(bench.path('blobs'), { recursive: true })
  await writeFile(`${bench.blob}.incomplete`, bytes)
}

describe('a broken transfer', () => {
  test('is continued where it broke', async () => {
    first(1, breaking)
    expect(await bench.load({ onProgress })).toBe(DIGEST)
    const requests = bench.hub.requests(BLOBS)
    expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, `bytes=${HALF}-`])
    expect(requests[1].headers['if-range']).toBe(CONTENT_ETAG)
    expect(requests.map(({ sent }) => sent)).toEqual([HALF, LENGTH - HALF])
  })

  test('is continued by the next process', async () => {
    first(1, breaking)
    await expect(bench.load({ attempts: 1, onProgress })).rejects.toThrow(/given up after 1 attempt.*kept/)
    expect((await stat(`${bench.blob}.incomplete`)).size).toBe(HALF)
    expect(await bench.cached()).toEqual([`blobs/${DIGEST}.incomplete`, 'refs/main'])
    const progress: number[] = []
    expect(await bench.load({ onProgress: ({ received }) => progress.push(received) })).toBe(DIGEST)
    expect(bench.hub.requests(BLOBS).at(-1)).toMatchObject({
      headers: { range: `bytes=${HALF}-` },
      sent: LENGTH - HALF,
    })
    expect(progress[0]).toBe(HALF)
    expect(progress.at(-1)).toBe(LENGTH)
  })

  test('starts over if the file has changed meanwhile', async () => {
    first(1, (_, response) => {
      response.writeHead(200, { etag: '"older"', 'content-length': LENGTH })
      response.write(new Uint8Array(HALF))
      breakIt = () => void response.destroy()
      return true
    })
    expect(await bench.load({ onProgress })).toBe(DIGEST)
    expect(bench.hub.requests(BLOBS)[1]).toMatchObject({
      headers: { range: `bytes=${HALF}-`, 'if-range': '"older"' },
      sent: LENGTH,
    })
  })

  test('starts over if the server ignores Range', async () => {
    await keepHalf()
    first(1, (_, response) => {
      response.writeHead(200, { 'content-length': LENGTH }).end(WEIGHTS)
      return true
    })
    expect(await bench.load()).toBe(DIGEST)
    expect(bench.hub.requests(BLOBS).map(({ headers }) => headers.range)).toEqual([`bytes=${HALF}-`])
  })

  test('that breaks again and again is given up, and keeps what came', async () => {
    first(99, breaking)
    await expect(bench.load({ attempts: 3, onProgress })).rejects.toThrow(/given up after 3 attempts/)
    expect(bench.hub.requests(BLOBS)).toHaveLength(3)
    expect((await stat(`${bench.blob}.incomplete`)).size).toBe(HALF)
  })

  test('a body without a length that ends early is noticed', async () => {
    first(1, (_, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(WEIGHTS.subarray(0, HALF))
      return true
    })
    expect(await bench.load()).toBe(DIGEST)
    expect(bench.hub.requests(BLOBS)[1].headers.range).toBe(`bytes=${HALF}-`)
  })

  test('and says how much came', async () => {
    first(1, (_, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(WEIGHTS.subarray(0, HALF))
      return true
    })
    const message = new RegExp(`ended early; expected ${LENGTH} bytes, found ${HALF}`)
    await expect(bench.load({ attempts: 1 })).rejects.toThrow(message)
  })
})

describe('what is there from earlier', () => {
  test('is complete: only its hash is checked', async () => {
    await keepHalf(WEIGHTS)
    expect(await bench.load()).toBe(DIGEST)
    expect(bench.hub.requests(BLOBS)).toEqual([])
  })

  test('is longer than the file: it is dropped', async () => {
    await keepHalf(new Uint8Array(LENGTH + 1))
    expect(await bench.load()).toBe(DIGEST)
    expect(bench.hub.requests(BLOBS)[0].headers.range).toBeUndefined()
  })

  test('is damaged: the hash tells, all of it is removed, and the next try works', async () => {
    await keepHalf(new Uint8Array(HALF))
    await expect(bench.load()).rejects.toThrow(/model\.safetensors\].*SHA-256; expected [0-9a-f]{64}, found/)
    expect(await bench.cached()).toEqual(['refs/main'])
    expect(await bench.load()).toBe(DIGEST)
  })

  test('416: it starts over', async () => {
    await keepHalf()
    first(1, (_, response) => {
      response.writeHead(416, { 'content-range': `bytes */${LENGTH}` }).end()
      return true
    })
    expect(await bench.load()).toBe(DIGEST)
    expect(bench.hub.requests(BLOBS).at(-1)).toMatchObject({ sent: LENGTH })
  })

  test.each([
    ['another start', `bytes 0-${LENGTH - 1}/${LENGTH}`],
    ['another total', `bytes ${HALF}-${LENGTH - 1}/${LENGTH + 1}`],
    ['no number', 'bytes */*'],
    ['nothing', undefined],
  ])('a Content-Range with %s is not believed', async (_, range) => {
    await keepHalf()
    first(1, (_, response) => {
      response.writeHead(206, range === undefined ? {} : { 'content-range': range }).end(WEIGHTS)
      return true
    })
    expect(await bench.load()).toBe(DIGEST)
    expect(bench.hub.requests(BLOBS).map(({ headers }) => headers.range)).toEqual([
      `bytes=${HALF}-`,
      undefined,
    ])
  })

  test('a server that never continues is given up', async () => {
    await keepHalf()
    first(99, (_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 7-8/9' }).end('xy')
      return true
    })
    await expect(bench.load({ attempts: 3 })).rejects.toThrow(/another part.*found bytes 7-8\/9/)
    expect(bench.hub.requests(BLOBS)).toHaveLength(3)
  })
})

describe('content that is not what was announced', () => {
  test('damaged weights: nothing stays, and the next try works', async () => {
    const damaged = WEIGHTS.slice()
    damaged[LENGTH - 1] ^= 1
    first(1, (_, response) => {
      response.writeHead(200, { 'content-length': LENGTH }).end(damaged)
      return true
    })
    const error = await bench.load().catch((error: unknown) => error)
    expect(error).toBeInstanceOf(CheckpointError)
    expect(error).toMatchObject({ expected: DIGEST, found: sha256(damaged) })
    expect(await bench.cached()).toEqual(['refs/main'])
    expect(await bench.load()).toBe(DIGEST)
    expect(sha256(await readFile(bench.blob))).toBe(DIGEST)
  })

  test('a damaged small file', async () => {
    bench.hub.intercept = (request, response) => {
      if (!request.url!.endsWith('/config.json')) return false
      response.end('{"model_type": "bamba"}')
      return true
    }
    await expect((await bench.open()).text('config.json')).rejects.toThrow(/config\.json\].*git SHA-1/)
    expect(await bench.cached()).toEqual(['refs/main'])
  })

  test('more bytes than announced are not taken', async () => {
    first(1, (_, response) => {
      response.writeHead(200).end(new Uint8Array(LENGTH + 1))
      return true
    })
    await expect(bench.load()).rejects.toThrow(/more than was announced; expected 400000 bytes/)
    expect((await stat(`${bench.blob}.incomplete`)).size).toBe(0)
  })

  test('an endless body is not taken', async () => {
    first(1, (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(WEIGHTS));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
      return true
    })
    await expect(bench.load()).rejects.toThrow(/more than was announced/)
  })
})

describe('a listing without sizes and hashes', () => {
  test('the file itself is asked, where redirects begin', async () => {
    bench.hub.detailed = false
    expect(await bench.load()).toBe(DIGEST)
    expect(await bench.cached()).toEqual([
      `blobs/${DIGEST}`,
      'refs/main',
      `snapshots/${COMMIT}/model.safetensors`,
    ])
    expect(bench.hub.seen.map(({ method, server }) => `${method} ${server}`)).toEqual([
      'GET hub',
      'HEAD hub',
      'GET hub',
      'GET content',
    ])
  })

  test('an ETag that is no hash is taken, with a warning', async () => {
    bench.hub.detailed = false
    bench.hub.intercept = (request, response) => {
      if (!request.url!.endsWith('/config.json')) return false
      response.writeHead(200, { etag: 'W/"5f-abc"', 'content-length': 2 })
      response.end(request.method === 'HEAD' ? undefined : '{}')
      return true
    }
    expect(await (await bench.open()).text('config.json')).toBe('{}')
    expect(bench.warnings).toEqual([expect.stringMatching(/config\.json: the hub gives no hash/)])
  })

  test.each(['"../../x"', '""', '"a/b"', '".hidden"', undefined])('ETag %j is refused', async (etag) => {
    bench.hub.detailed = false
    bench.hub.intercept = (request, response) => {
      if (!request.url!.endsWith('/config.json')) return false
      response.writeHead(200, etag === undefined ? {} : { etag }).end()
      return true
    }
    await expect((await bench.open()).text('config.json')).rejects.toThrow(/no usable ETag/)
  })
})
