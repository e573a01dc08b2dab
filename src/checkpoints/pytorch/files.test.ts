import { afterAll, describe, expect, test } from 'vitest'
import { readTestFile } from '../../../test/files.ts'
import { pytorchTarget } from '../../../test/suites/fuzz/pytorch.ts'
import { CheckpointError, SidewinderError } from '../../errors.ts'
import { sizeOf } from '../../tensor/shape.ts'
import { readSafetensors } from '../safetensors.ts'
import type { StoredTensor } from '../stored.ts'
import { readPytorch } from './index.ts'

const EDGE = 'test/fixtures/edge'
const CHECKPOINTS = 'test/fixtures/checkpoints'

interface EdgeCase {
  readonly path: string
  readonly expect: 'ok' | 'error'
  readonly acceptable?: readonly string[]
  readonly mention: readonly string[]
  readonly why: string
  readonly expected?: string
  readonly must_not_create?: string
}

const parse = async (path: string): Promise<unknown> =>
  JSON.parse(new TextDecoder().decode(await readTestFile(path)))

/** True if a file of this name stands in the working directory. A page has none. */
async function exists(name: string): Promise<boolean> {
  if (typeof window !== 'undefined') return false
  const { existsSync } = await import('node:fs')
  return existsSync(name)
}

/**
 * What is stored of a tensor: its bytes if they are 64-bit integers, as these may not fit in 32 bits, else
 * its values.
 */
async function contents(tensor: StoredTensor): Promise<unknown> {
  const { dtype, shape } = tensor
  const data = dtype === 'I64' ? await tensor.raw!(0, sizeOf(shape)) : await tensor.read()
  return { dtype, shape, data }
}

/** Reads all of a file. */
async function readAll(path: string): Promise<Map<string, unknown>> {
  const tensors = await readPytorch(await readTestFile(path), path.split('/').at(-1))
  const values = new Map<string, unknown>()
  for (const [name, tensor] of tensors) values.set(name, await contents(tensor))
  return values
}

const outcomes: string[] = []

describe('files from elsewhere, good and hostile', async () => {
  const { cases } = (await parse(`${EDGE}/cases.json`)) as { cases: readonly EdgeCase[] }
  const mine = cases
    .map((each) =>
      each.path === 'models/evil_bin' ? { ...each, path: `${each.path}/pytorch_model.bin` } : each,
    )
    .filter(({ path }) => path.startsWith('pickle/') || path.endsWith('pytorch_model.bin'))

  for (const { path, expect: expected, mention, why, expected: values, must_not_create } of mine) {
    test(`${path}: ${why}`, async () => {
      const outcome = readAll(`${EDGE}/${path}`)
      if (expected === 'ok') {
        const want = await readSafetensors(await readTestFile(`${EDGE}/${values}`))
        const got = await outcome
        expect(got.size).toBeGreaterThan(0)
        for (const [name, tensor] of got) expect(tensor, name).toEqual(await contents(want.get(name)!))
        outcomes.push(path)
        return
      }
      const error = await outcome.catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(CheckpointError)
      for (const words of mention) expect((error as Error).message).toContain(words)
      if (must_not_create !== undefined) expect(await exists(must_not_create)).toBe(false)
    })
  }

  test('a view has all the tensors that its neighbour of safetensors has', async () => {
    const want = await readSafetensors(await readTestFile(`${EDGE}/pickle/ok.expected.safetensors`))
    const got = await readAll(`${EDGE}/pickle/ok_views.bin`)
    expect([...got.keys()].toSorted()).toEqual([...want.keys()].toSorted())
  })

  test.each([
    ['evil_system_raw', 'posix.system'],
    ['evil_system_zip', 'posix.system'],
    ['evil_eval_zip', '__builtin__.eval'],
    ['evil_popen_zip', 'commands.Popen'],
    ['evil_stack_global_protocol4', 'posix.system'],
    ['evil_torch_attribute', 'torch.os.system'],
  ])('%s: the error names the global %s', async (file, global) => {
    await expect(readAll(`${EDGE}/pickle/${file}.bin`)).rejects.toThrow(global)
  })

  test('missing_storage, short_storage: the error names the tensor', async () => {
    await expect(readAll(`${EDGE}/pickle/missing_storage.bin`)).rejects.toThrow(/missing_storage\.bin: \w/)
    await expect(readAll(`${EDGE}/pickle/short_storage.bin`)).rejects.toThrow(
      /short_storage\.bin: \w.*\d+ bytes for \d+ of F32, found 7/,
    )
  })

  afterAll(() => expect(outcomes).toHaveLength(4))
})

const layer = (i: number): [string, number[]][] => [
  [`backbone.layers.${i}.norm.weight`, [40]],
  [`backbone.layers.${i}.mixer.A_log`, [80, 16]],
  [`backbone.layers.${i}.mixer.D`, [80]],
  [`backbone.layers.${i}.mixer.in_proj.weight`, [160, 40]],
  [`backbone.layers.${i}.mixer.conv1d.weight`, [80, 1, 4]],
  [`backbone.layers.${i}.mixer.conv1d.bias`, [80]],
  [`backbone.layers.${i}.mixer.x_proj.weight`, [35, 80]],
  [`backbone.layers.${i}.mixer.dt_proj.weight`, [80, 3]],
  [`backbone.layers.${i}.mixer.dt_proj.bias`, [80]],
  [`backbone.layers.${i}.mixer.out_proj.weight`, [40, 80]],
]

test('names and shapes, in the order of the state dict', async () => {
  const tensors = await readPytorch(await readTestFile(`${CHECKPOINTS}/original-mamba1/pytorch_model.bin`))
  expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
    ['backbone.embedding.weight', [104, 40]],
    ...layer(0),
    ...layer(1),
    ['backbone.norm_f.weight', [40]],
    ['lm_head.weight', [104, 40]],
  ])
})

describe('the format before 1.6', async () => {
  const bytes = await readTestFile(`${EDGE}/pickle/ok_legacy_format.bin`)
  // Where its pickles stand: the magic number 4 to 14, the version 18, little_endian 73, the first key 1511,
  // the first count 1760.
  test.each([
    ['another magic number', 4, 0, 'wrong magic number'],
    ['another version', 18, 0, 'wrong version; expected 1001'],
    ['big-endian', 73, 0x89, 'wrong little_endian; expected true, found false'],
    ['a storage of nothing', 1511, 0x30, 'a storage that no tensor uses'],
    ['another number of elements', 1760, 2, 'wrong number of elements; expected 1, found 2'],
  ])('%s', async (_, at, value, message) => {
    await expect(readPytorch(bytes.with(at, value), 'f')).rejects.toThrow(message)
  })

  test('bytes after the last storage', async () => {
    const longer = new Uint8Array([...bytes, 0])
    await expect(readPytorch(longer, 'f')).rejects.toThrow(/\[f\] bytes after the last storage/)
  })
})

interface Fixture {
  readonly parameters: number
}

describe.each(['original-mamba1', 'original-mamba2', 'original-mamba2-groups', 'original-mamba2attn'])(
  '%s',
  (name) => {
    test('every tensor is read, under its name', async () => {
      const fixture = (await parse(`${CHECKPOINTS}/${name}/fixture.json`)) as Fixture
      const config = (await parse(`${CHECKPOINTS}/${name}/config.json`)) as { tie_embeddings?: boolean }
      const tensors = await readPytorch(await readTestFile(`${CHECKPOINTS}/${name}/pytorch_model.bin`))
      let parameters = 0
      for (const [key, tensor] of tensors) {
        const values = await tensor.read()
        expect(values.every(Number.isFinite), key).toBe(true)
        expect(values).toHaveLength(sizeOf(tensor.shape))
        expect(tensor.raw, key).toBeDefined()
        // Stored also where it is the embedding.
        if (key !== 'lm_head.weight' || config.tie_embeddings === false) parameters += values.length
      }
      expect([...tensors.keys()][0]).toBe('backbone.embedding.weight')
      expect(tensors.get('backbone.embedding.weight')!.shape).toEqual(tensors.get('lm_head.weight')!.shape)
      expect(parameters).toBe(fixture.parameters)
    })
  },
)

/** Runs what may only throw errors of ours, and says whether it did. */
async function survives(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const error = await pytorchTarget.run(bytes).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error !== undefined) expect(error).toBeInstanceOf(SidewinderError)
  return error === undefined
}

describe('damaged files', () => {
  test.each(['ok_parameters.bin', 'ok_legacy_format.bin'])('%s cut off at every byte', async (file) => {
    const bytes = await readTestFile(`${EDGE}/pickle/${file}`)
    for (let length = 0; length < bytes.length; length++) {
      expect(await survives(bytes.subarray(0, length)), `${length} bytes`).toBe(false)
    }
  })
})
