/** Files of a cache: whether they are what their names say, and whether others may exist elsewhere. */
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { COMMIT, gitSha1 } from '../../../test/hub-server.ts'
import { loadModel } from '../../language/load-model.ts'
import { CheckpointError } from '../../errors.ts'
import { readTestFile } from '../../../test/files.ts'
import { Bench, WEIGHTS } from './testing.ts'

const bench = new Bench()
const REPOSITORY_ID = 'org/tiny-mamba'

/** A file of the snapshot, as the Python client leaves it: a link to a blob whose name is its hash. */
async function cache(name: string, content: Uint8Array): Promise<string> {
  const blob = bench.path('blobs', gitSha1(content))
  await mkdir(bench.path('blobs'), { recursive: true })
  await mkdir(join(bench.path('snapshots', COMMIT, name), '..'), { recursive: true })
  await mkdir(bench.path('refs'), { recursive: true })
  await writeFile(bench.path('refs/main'), COMMIT)
  await writeFile(blob, content)
  const up = name.split('/').map(() => '..')
  await symlink(join(...up, '..', 'blobs', gitSha1(content)), bench.path('snapshots', COMMIT, name))
  return blob
}

describe('a file whose name is its hash', () => {
  test('is compared with it once, and again when it was written since', async () => {
    const content = WEIGHTS.slice(0, 100)
    const blob = await cache('model.safetensors', content)
    await utimes(blob, 1e9, 1e9)
    const folder = await bench.open({ offline: true })
    await folder.open('model.safetensors')
    const flipped = content.with(50, content[50] ^ 1)
    await writeFile(blob, flipped)
    // As if nobody had written it: what was compared is not compared again.
    await utimes(blob, 1e9, 1e9)
    await folder.open('model.safetensors')
    await writeFile(blob, flipped)
    await utimes(blob, 1e9, 1e9 + 1)
    const error = await folder.open('model.safetensors').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(CheckpointError)
    expect((error as Error).message).toMatch(/damaged: wrong git SHA-1.*Remove .*blobs/)
  })

  test('is found in a folder of the repository, and linked there', async () => {
    const folder = await bench.open()
    await folder.open('config.json')
    expect(await folder.has('onnx/model.onnx')).toBe(true)
    const file = await folder.open('onnx/model.onnx')
    expect([...(await file.read(0, file.size))]).toEqual([1, 2, 3])
    expect(await bench.cached()).toContain(`snapshots/${COMMIT}/onnx/model.onnx`)
    expect((await (await bench.open({ offline: true })).open('onnx/model.onnx')).size).toBe(3)
  })
})

const FIXTURE = 'test/fixtures/reading/eos-convert'
const openOffline = (warnings: string[] = []): ReturnType<typeof loadModel> =>
  loadModel(REPOSITORY_ID, {
    device: 'reference',
    hub: { cache: bench.cache, offline: true },
    onWarning: (text) => warnings.push(text),
  })

describe('offline, a file that is not cached', () => {
  test('is no fact about the model: neither weights nor tokenizer', async () => {
    await cache('config.json', await readTestFile(`${FIXTURE}/config.json`))
    await expect(openOffline()).rejects.toThrow(
      /not in the cache, and the hub is not asked.*model\.safetensors/,
    )
    await cache('model.safetensors', await readTestFile(`${FIXTURE}/model.safetensors`))
    const warnings: string[] = []
    const model = await openOffline(warnings)
    expect(warnings.join()).toMatch(/takes token ids alone: .*not in the cache.*tokenizer\.json/)
    expect(() => model.encode('a')).toThrow(/could not be read.*not in the cache/)
    expect((await model.logits([[1]])).shape).toEqual([1, 1, 16])
    model.dispose()
  })

  test('is one where the Python client has remembered that there is none', async () => {
    for (const name of ['config.json', 'model.safetensors']) {
      await cache(name, await readTestFile(`${FIXTURE}/${name}`))
    }
    await mkdir(bench.path('.no_exist', COMMIT), { recursive: true })
    await writeFile(bench.path('.no_exist', COMMIT, 'tokenizer.json'), '')
    const warnings: string[] = []
    ;(await openOffline(warnings)).dispose()
    expect(warnings).toEqual([])
  })
})
