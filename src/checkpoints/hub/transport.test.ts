import { describe, expect, test } from 'vitest'
import { REPOSITORY, send, type HubServer } from '../../../test/hub-server.ts'
import { CheckpointError } from '../../errors.ts'
import { Bench, DIGEST, WEIGHTS } from './testing.ts'

const bench = new Bench()
const LISTING = /^\/api\//
const BLOBS = /^\/blob\//

/** Answers requests for `path` with a status, at most `times` times. */
function answer(
  path: RegExp,
  status: number,
  headers: Record<string, string> = {},
  times = Number.POSITIVE_INFINITY,
): void {
  let left = times
  bench.hub.intercept = (request, response) => {
    if (!path.test(request.url!) || left-- <= 0) return false
    response.writeHead(status, headers).end()
    return true
  }
}

describe('redirects', () => {
  test('the token goes to the hub, and to no other origin', async () => {
    expect(await bench.load({ token: 'hf_secret' })).toBe(DIGEST)
    for (const { server, headers } of bench.hub.seen) {
      expect(headers.authorization).toBe(server === 'hub' ? 'Bearer hf_secret' : undefined)
    }
    expect(bench.hub.requests(BLOBS)).toHaveLength(1)
  })

  test('a relative one, as for a renamed repository, keeps the token', async () => {
    bench.hub.intercept = (request, response) => {
      if (request.url!.startsWith('/moved') || !LISTING.test(request.url!)) {
        request.url = request.url!.replace('/moved', '')
        return false
      }
      response.writeHead(307, { location: `/moved${request.url}` }).end()
      return true
    }
    await bench.open({ token: 'hf_secret' })
    expect(bench.hub.seen.at(-1)).toMatchObject({
      path: expect.stringMatching(/^\/moved\/api\//) as string,
      headers: { authorization: 'Bearer hf_secret' },
    })
  })

  test('the token does not come back after another origin', async () => {
    bench.hub.intercept = (request, response, seen) => {
      const there = { hub: bench.hub.content, content: bench.hub.url }[seen.server]
      if (bench.hub.seen.length > 2) return false
      response.writeHead(302, { location: `${there}${request.url}` }).end()
      return true
    }
    await bench.open({ token: 'hf_secret' })
    const tokens = bench.hub.seen.map(({ headers }) => headers.authorization)
    expect(tokens).toEqual(['Bearer hf_secret', undefined, undefined])
  })

  test('a loop ends', async () => {
    bench.hub.intercept = (request, response) => {
      response.writeHead(302, { location: request.url! }).end()
      return true
    }
    await expect(bench.open()).rejects.toThrow(/too many redirects; expected at most 10/)
    expect(bench.hub.seen).toHaveLength(11)
  })

  test.each(['file:///etc/passwd', 'data:text/plain,x', 'http://'])(
    '%s is not followed',
    async (location) => {
      answer(LISTING, 302, { location })
      await expect(bench.open()).rejects.toThrow(/leads where it may not/)
    },
  )

  test('from https to http is not followed', async () => {
    const asked: string[] = []
    const downgrade: typeof fetch = (input) => {
      asked.push(input as string)
      return Promise.resolve(new Response(null, { status: 302, headers: { location: 'http://hub.test/x' } }))
    }
    await expect(bench.open({ endpoint: 'https://hub.test', fetch: downgrade })).rejects.toThrow(
      /an https address/,
    )
    expect(asked).toHaveLength(1)
  })
})

describe('refusals are final, and say what to do', () => {
  const listing = `${REPOSITORY}@main`
  test.each([
    [401, {}, /access is refused; found HTTP 401\. .*HF_TOKEN/],
    [403, {}, /access is refused; found HTTP 403\. .*HF_TOKEN/],
    [
      403,
      { 'x-error-code': 'GatedRepo', 'x-error-message': 'ask first' },
      /is gated; found HTTP 403: ask first.*HF_TOKEN/,
    ],
    [401, { 'x-error-code': 'RepoNotFound' }, /no such repository, or it is private/],
    [404, { 'x-error-code': 'RepoNotFound' }, /no such repository, or it is private/],
    [404, { 'x-error-code': 'RevisionNotFound' }, /no such revision/],
    [404, {}, /not found; found HTTP 404/],
    [404, { 'x-error-code': '__proto__' }, /not found; found HTTP 404/],
    [418, {}, /unexpected answer/],
    [304, {}, /unexpected answer/],
  ])('%s %j', async (status, headers, message) => {
    answer(LISTING, status, headers)
    const error = await bench.open().catch((error: unknown) => error)
    expect(error).toBeInstanceOf(CheckpointError)
    expect((error as CheckpointError).where).toBe(listing)
    expect((error as CheckpointError).message).toMatch(message)
    expect(bench.hub.seen).toHaveLength(1)
  })

  test('a file that is gone', async () => {
    answer(/resolve/, 404, { 'x-error-code': 'EntryNotFound' })
    await expect(bench.load()).rejects.toThrow(/\[org\/tiny-mamba@main: model\.safetensors\].*no such file/)
  })

  test('an unknown revision', async () => {
    await expect(bench.open({}, '@v9')).rejects.toThrow(/\[org\/tiny-mamba@v9\].*no such revision/)
  })
})

describe('a server in trouble', () => {
  test.each([500, 502, 503, 408])('%s: it is asked again', async (status) => {
    answer(BLOBS, status, {}, 2)
    expect(await bench.load()).toBe(DIGEST)
    expect(bench.hub.requests(BLOBS)).toHaveLength(3)
  })

  test('500 for ever', async () => {
    answer(LISTING, 500)
    await expect(bench.open({ attempts: 4 })).rejects.toThrow(/given up after 4 attempts.*HTTP 500/)
    expect(bench.hub.seen).toHaveLength(4)
  })

  test('429: it is given the time that it asks for', async () => {
    answer(LISTING, 429, { 'retry-after': '1' }, 1)
    const began = performance.now()
    await bench.open()
    expect(performance.now() - began).toBeGreaterThan(950)
    expect(bench.hub.seen).toHaveLength(2)
  })

  test('429 for ever', async () => {
    answer(LISTING, 429, { 'retry-after': '0' })
    await expect(bench.open({ attempts: 3 })).rejects.toThrow(/given up after 3 attempts.*too many requests/)
  })

  test.each(['3600', new Date(Date.now() + 3_600_000).toUTCString()])(
    '429 until %s is not waited for',
    async (when) => {
      answer(LISTING, 429, { 'retry-after': when })
      await expect(bench.open()).rejects.toThrow(/asks to wait 3\d\d\d seconds/)
      expect(bench.hub.seen).toHaveLength(1)
    },
  )

  const silences: readonly (readonly [string, HubServer['intercept']])[] = [
    ['before the answer', () => true],
    [
      'within the body',
      (_, response) => {
        response.writeHead(200, { 'content-length': WEIGHTS.length }).write(WEIGHTS.subarray(0, 1000))
        return true
      },
    ],
  ]
  test.each(silences)('silence %s ends', async (_, silent) => {
    bench.hub.intercept = (request, response, seen) =>
      BLOBS.test(request.url!) && silent(request, response, seen)
    const loading = bench.load({ timeout: 100, attempts: 2 })
    await expect(loading).rejects.toThrow(/given up after 2 attempts.*silent; found nothing for 100 ms/)
  })

  test('a slow server that goes on is waited for', async () => {
    bench.hub.intercept = (request, response) => {
      if (!BLOBS.test(request.url!)) return false
      response.writeHead(200)
      for (let i = 0; i < 10; i++) {
        const part = WEIGHTS.subarray(i * 40_000, (i + 1) * 40_000)
        setTimeout(() => (i < 9 ? response.write(part) : response.end(part)), 60 * i)
      }
      return true
    }
    expect(await bench.load({ timeout: 300, attempts: 1 })).toBe(DIGEST)
  })

  test('nobody listens', async () => {
    const { url } = bench.hub
    await bench.hub.close()
    await expect(bench.open({ endpoint: url, attempts: 2 })).rejects.toThrow(
      /the connection failed.*ECONNREFUSED/,
    )
    bench.hub.close = () => Promise.resolve()
  })
})

describe('the caller stops it', () => {
  test('while the server is silent', async () => {
    const controller = new AbortController()
    bench.hub.intercept = (request) => {
      if (!BLOBS.test(request.url!)) return false
      setTimeout(() => controller.abort(new Error('enough')), 20)
      return true
    }
    await expect(bench.load({ signal: controller.signal })).rejects.toThrow('enough')
  })

  test('between two attempts, and before the first', async () => {
    answer(LISTING, 503, { 'retry-after': '50' })
    const signal = AbortSignal.timeout(100)
    await expect(bench.open({ signal })).rejects.toThrow(/timeout/)
    const asked = bench.hub.seen.length
    await expect(bench.open({ signal })).rejects.toThrow(/timeout/)
    expect(bench.hub.seen).toHaveLength(asked)
  })
})

describe('a listing that is not one', () => {
  const sha = 'a'.repeat(40)
  test.each<readonly [string, RegExp]>([
    ['', /not JSON/],
    ['<html>', /not JSON: .* at character 0/],
    ['['.repeat(500), /not JSON: nested deeper/],
    ['[]', /names no commit/],
    ['{"sha": "../../x", "siblings": []}', /names no commit; expected sha: 40.*found \.\.\/\.\.\/x/],
    [`{"sha": "${sha}"}`, /lists no files/],
    [`{"sha": "${sha}", "siblings": [7]}`, /a file without a name/],
    [`{"sha": "${sha}", "siblings": [{"rfilename": 7}]}`, /a file without a name/],
    ...['../x', '/etc/x', 'a\\\\b', 'a\\u0000b', 'a/../../x', ''].map(
      (name) =>
        [`{"sha": "${sha}", "siblings": [{"rfilename": "${name}"}]}`, /a file name that may not be/] as const,
    ),
    [
      `{"sha": "${sha}", "siblings": [{"rfilename": "x", "size": 1, "blobId": "../../x"}]}`,
      /no usable ETag; expected a hash, found "\.\.\/\.\.\/x"/,
    ],
    [
      `{"sha": "${sha}", "siblings": [{"rfilename": "x", "size": -1, "blobId": "${sha}"}]}`,
      /an impossible size/,
    ],
  ])('%s', async (text, message) => {
    bench.hub.intercept = (_, response) => {
      send(response, 200, text)
      return true
    }
    const error = await bench.open().catch((error: unknown) => error)
    expect(error).toBeInstanceOf(CheckpointError)
    expect((error as CheckpointError).message).toMatch(message)
    expect(await bench.cached()).toEqual([])
  })

  test('another commit than was asked for', async () => {
    bench.hub.intercept = (_, response) => {
      send(response, 200, `{"sha": "${sha}", "siblings": []}`)
      return true
    }
    const folder = await bench.open({}, `@${'b'.repeat(40)}`)
    await expect(folder.list()).rejects.toThrow(/names no commit; expected b+, found a+/)
  })

  test('a huge one is cut off', async () => {
    bench.hub.intercept = (_, response) => {
      const spaces = Buffer.alloc(2 ** 20, ' ')
      const more = (): void => {
        while (!response.destroyed && response.write(spaces));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
      return true
    }
    await expect(bench.open()).rejects.toThrow(/too long; expected at most 33554432 bytes/)
  })
})
