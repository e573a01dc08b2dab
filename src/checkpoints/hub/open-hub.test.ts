import { mkdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { COMMIT, gitSha1, REPOSITORY } from '../../../test/hub-server.ts'
import { CheckpointError, ConfigError } from '../../errors.ts'
import { openDisk } from './disk.ts'
import { openHub } from './index.ts'
import { Bench, CONFIG, DIGEST, WEIGHTS } from './testing.ts'

const bench = new Bench()
const SNAPSHOT = `snapshots/${COMMIT}`

/** What the Python client leaves. */
async function cacheByHand(revision = 'main', files: readonly string[] = ['config.json']): Promise<void> {
  const contents: Record<string, Uint8Array> = { 'config.json': CONFIG, 'model.safetensors': WEIGHTS }
  await mkdir(bench.path('blobs'), { recursive: true })
  await mkdir(bench.path(SNAPSHOT), { recursive: true })
  await mkdir(join(bench.path('refs', revision), '..'), { recursive: true })
  await writeFile(bench.path('refs', revision), COMMIT)
  for (const name of files) {
    const etag = name === 'config.json' ? gitSha1(CONFIG) : DIGEST
    await writeFile(bench.path('blobs', etag), contents[name])
    await symlink(`../../blobs/${etag}`, bench.path(SNAPSHOT, name))
  }
}

describe('the first time', () => {
  test('files come into the layout of the Python client', async () => {
    const folder = await bench.open()
    expect(await folder.list()).toEqual(['config.json', 'model.safetensors'])
    expect(await folder.has('config.json')).toBe(true)
    expect(await folder.has('absent.json')).toBe(false)
    expect(await folder.text('config.json')).toBe('{"model_type": "mamba"}')
    expect(bench.hub.requests(/model\.safetensors/)).toEqual([])
    const weights = await folder.open('model.safetensors')
    expect(weights.size).toBe(WEIGHTS.length)
    expect(await weights.read(1000, 1010)).toEqual(WEIGHTS.slice(1000, 1010))
    expect(await bench.cached()).toEqual(
      [
        `blobs/${DIGEST}`,
        `blobs/${gitSha1(CONFIG)}`,
        'refs/main',
        `${SNAPSHOT}/config.json`,
        `${SNAPSHOT}/model.safetensors`,
      ].toSorted(),
    )
    expect(await readlink(bench.path(SNAPSHOT, 'config.json'))).toBe(`../../blobs/${gitSha1(CONFIG)}`)
    expect(await readFile(bench.path('refs/main'), 'utf8')).toBe(COMMIT)
    expect(bench.warnings).toEqual([])
  })

  test('the listing is one request, and each file one or two', async () => {
    const folder = await bench.open()
    await folder.list()
    await folder.text('config.json')
    await folder.text('config.json')
    await folder.open('model.safetensors')
    expect(bench.hub.seen.map(({ path }) => path)).toEqual([
      `/api/models/${REPOSITORY}/revision/main?blobs=true`,
      `/${REPOSITORY}/resolve/${COMMIT}/config.json`,
      `/${REPOSITORY}/resolve/${COMMIT}/model.safetensors`,
      `/blob/${DIGEST}`,
    ])
  })

  test.each(['@v1.0', '@refs/pr/1', `@${COMMIT}`])('%s', async (revision) => {
    expect(await (await bench.open({}, revision)).text('config.json')).toContain('mamba')
    const refs = (await bench.cached()).filter((path) => path.startsWith('refs/'))
    expect(refs).toEqual(revision === `@${COMMIT}` ? [] : [`refs/${revision.slice(1)}`])
    expect(bench.hub.requests(/resolve/)[0].path).toContain(`/resolve/${COMMIT}/`)
  })

  test('an empty file', async () => {
    bench.hub.files.set('empty.safetensors', new Uint8Array())
    expect((await (await bench.open()).open('empty.safetensors')).size).toBe(0)
  })

  test('a file of the same content as another is not loaded again', async () => {
    bench.hub.files.set('copy.safetensors', WEIGHTS)
    const folder = await bench.open()
    await folder.open('model.safetensors')
    expect((await folder.open('copy.safetensors')).size).toBe(WEIGHTS.length)
    expect(bench.hub.requests(/^\/blob/)).toHaveLength(1)
  })

  test('where symbolic links are refused, files get a second name', async () => {
    const store = openDisk(bench.cache, REPOSITORY, () => Promise.reject(new Error('EPERM')))
    await mkdir(bench.path('blobs'), { recursive: true })
    await writeFile(bench.path('blobs', 'abc'), CONFIG)
    await store.link(COMMIT, 'config.json', 'abc')
    expect((await store.open(COMMIT, 'config.json'))?.size).toBe(CONFIG.length)
    expect(await bench.cached()).toEqual(['blobs/abc', `${SNAPSHOT}/config.json`])
  })

  test.each(['../x', '/etc/passwd', 'onnx/../../x', '', 'a\0b'])('%j cannot be opened', async (name) => {
    const folder = await bench.open()
    await expect(folder.open(name)).rejects.toThrow(/may not leave the folder/)
    await expect(folder.has(name)).rejects.toThrow(/may not leave the folder/)
  })

  test('a file that is not listed', async () => {
    await expect((await bench.open()).open('absent.json')).rejects.toThrow(
      /\[org\/tiny-mamba@main: absent\.json\] the repository has no such file/,
    )
  })

  test('what is no id', async () => {
    await expect(openHub('../etc@x')).rejects.toThrow(ConfigError)
  })

  test('a cache that cannot be written', async () => {
    await writeFile(join(bench.cache, 'file'), '')
    await expect(bench.open({ cache: join(bench.cache, 'file') })).rejects.toThrow(CheckpointError)
  })
})

describe('what is cached', () => {
  test('a revision costs one request', async () => {
    await cacheByHand()
    expect(await (await bench.open()).text('config.json')).toContain('mamba')
    expect(bench.hub.seen.map(({ path }) => path)).toEqual([expect.stringMatching(/^\/api\//)])
  })

  test('a commit costs none', async () => {
    await cacheByHand()
    const folder = await bench.open({}, `@${COMMIT}`)
    expect(await folder.has('config.json')).toBe(true)
    expect(await folder.text('config.json')).toContain('mamba')
    expect(bench.hub.seen).toEqual([])
    expect(await folder.list()).toContain('model.safetensors')
    expect(bench.hub.seen).toHaveLength(1)
  })

  test('a blob of another length than the hub says is loaded again', async () => {
    await cacheByHand('main', ['config.json', 'model.safetensors'])
    await writeFile(bench.blob, WEIGHTS.subarray(1))
    expect(await bench.load()).toBe(DIGEST)
  })

  test.each(['main', 'refs/pr/1', COMMIT])('offline: %s', async (revision) => {
    await cacheByHand(revision === COMMIT ? 'main' : revision)
    vi.stubEnv('HF_HUB_OFFLINE', '1')
    const folder = await bench.open({}, `@${revision}`)
    expect(await folder.list()).toEqual(['config.json'])
    expect(await folder.has('model.safetensors')).toBe(false)
    expect(await folder.text('config.json')).toContain('mamba')
    await expect(folder.open('model.safetensors')).rejects.toThrow(
      /not in the cache.*expected model\.safetensors in .*models--org--tiny-mamba.*HF_HUB_OFFLINE/,
    )
    expect(bench.hub.seen).toEqual([])
  })

  test.each(['', '@v1.0', `@${COMMIT}`])('offline, and nothing cached: %s', async (revision) => {
    await expect(bench.open({ offline: true }, revision)).rejects.toThrow(/not in the cache.*a snapshot in/)
    expect(bench.hub.seen).toEqual([])
  })

  test.each([429, 500, 0])('it is taken, with a warning, if the hub fails (%s)', async (status) => {
    await cacheByHand()
    bench.hub.intercept = (_, response) => {
      if (status === 0) response.destroy()
      else response.writeHead(status).end()
      return true
    }
    const folder = await bench.open()
    expect(await folder.text('config.json')).toContain('mamba')
    expect(await folder.list()).toEqual(['config.json'])
    expect(bench.hub.seen).toHaveLength(1)
    expect(bench.warnings).toEqual([expect.stringMatching(new RegExp(`the cached ${COMMIT} is taken`))])
    await expect(folder.open('model.safetensors')).rejects.toThrow(/not in the cache.*Try again later/)
  })

  test('a hub that refuses is not a hub that fails', async () => {
    await cacheByHand()
    bench.hub.intercept = (_, response) => {
      response.writeHead(403, { 'x-error-code': 'GatedRepo' }).end()
      return true
    }
    await expect(bench.open()).rejects.toThrow(/gated/)
  })

  test('a link whose blob is gone', async () => {
    await cacheByHand()
    await rm(bench.path('blobs', gitSha1(CONFIG)))
    expect(await (await bench.open()).text('config.json')).toContain('mamba')
  })

  test('a reference that holds no commit', async () => {
    await cacheByHand()
    await writeFile(bench.path('refs/main'), '../../etc')
    await expect(bench.open({ offline: true })).rejects.toThrow(/not in the cache/)
  })
})
