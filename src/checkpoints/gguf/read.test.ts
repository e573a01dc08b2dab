import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../../test/files.ts'
import { countedFile, ggufBytes, tensorsOfAllTypes, VALUES } from '../../../test/suites/fuzz/gguf.ts'
import { CheckpointError } from '../../errors.ts'
import { readSafetensors } from '../safetensors.ts'
import { encodeRows } from './encode.ts'
import { readGguf } from './read.ts'
import type { TypedGgufValue } from './values.ts'

interface EdgeCase {
  readonly path: string
  readonly expect: 'ok' | 'error'
  readonly acceptable?: readonly string[]
  readonly why: string
  readonly mention: readonly string[]
}

async function parse<T>(path: string): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await readTestFile(path))) as T
}

/** Within half a step of the type, at these values. */
function expectNear(dtype: string, got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got.length).toBe(want.length)
  let excess = Number.NEGATIVE_INFINITY
  for (let i = 0; i < got.length; i++) {
    excess = Math.max(excess, Math.abs(got[i] - want[i]) - halfStep(dtype, want, i))
  }
  expect(excess).toBeLessThanOrEqual(0)
}

function halfStep(dtype: string, values: ArrayLike<number>, i: number): number {
  if (dtype === 'F32') return 0
  if (dtype === 'F16') return Math.abs(values[i]) * 2 ** -11 + 2 ** -25
  // Q8_0, whose scale is rounded to half-precision too.
  return largestOfBlock(values, i) * (0.5 / 127 + 2 ** -11)
}

function largestOfBlock(values: ArrayLike<number>, i: number): number {
  const start = i - (i % 32)
  return Math.max(...Array.from({ length: 32 }, (_, j) => Math.abs(values[start + j])))
}

describe('files from elsewhere, good and hostile', async () => {
  const { cases } = await parse<{ cases: EdgeCase[] }>('test/fixtures/edge/cases.json')
  /** Whole as containers: what is wrong with them concerns models. */
  const models = /unknown_architecture|no_architecture|missing_metadata|unknown_tensor_type/
  for (const each of cases.filter(({ path }) => path.startsWith('gguf/'))) {
    test(`${each.path}: ${each.why}`, async () => {
      const bytes = await readTestFile(`test/fixtures/edge/${each.path}`)
      const found = await readGguf(bytes, each.path).catch((thrown: unknown) => thrown)
      if (each.expect === 'ok' || models.test(each.path)) {
        expect(found).not.toBeInstanceOf(Error)
        return
      }
      expect(found).toBeInstanceOf(CheckpointError)
      for (const words of each.mention) expect((found as Error).message).toContain(words)
    })
  }

  test('a small one, entirely', async () => {
    const found = await readGguf(await readTestFile('test/fixtures/edge/gguf/ok_container.gguf'))
    expect(found.version).toBe(3)
    expect(found.metadata).toEqual(
      new Map<string, unknown>([
        ['general.architecture', 'mamba'],
        ['mamba.block_count', 1],
      ]),
    )
    const tensor = found.tensors.get('token_embd.weight')!
    expect(tensor).toMatchObject({ dtype: 'F32', shape: [3, 4] })
    expect(await tensor.read(4, 8)).toEqual(Float32Array.of(4, 5, 6, 7))
  })
})

describe('models as GGUF and as safetensors', () => {
  const files = ['mamba1', 'mamba2']
    .flatMap((model) => ['f32', 'f16', 'q8_0'].map((type) => [model, `model-${type}.gguf`] as const))
    .concat([
      ['mamba2-groups', 'model-f32.gguf'],
      ['falcon-mamba', 'model-f32.gguf'],
    ])

  test.each(files)('%s/%s', async (model, file) => {
    const folder = `test/fixtures/gguf/${model}`
    const { files: expected } = await parse<{
      files: Record<string, { tensor_types: Record<string, string> }>
    }>(`${folder}/fixture.json`)
    const { tensors } = await readGguf(await readTestFile(`${folder}/${file}`), file)
    const types = Object.fromEntries([...tensors].map(([name, { dtype }]) => [name, dtype]))
    expect(types).toEqual(expected[file].tensor_types)
    const published = await readSafetensors(await readTestFile(`${folder}/model.safetensors`))
    for (const [name, other] of [
      ['token_embd.weight', 'backbone.embeddings.weight'],
      ['blk.1.ssm_in.weight', 'backbone.layers.1.mixer.in_proj.weight'],
      ['blk.1.ssm_out.weight', 'backbone.layers.1.mixer.out_proj.weight'],
      ['output_norm.weight', 'backbone.norm_f.weight'],
    ]) {
      const tensor = tensors.get(name)!
      const want = published.get(other)!
      expect(tensor.shape).toEqual(want.shape)
      expectNear(tensor.dtype, await tensor.read(), await want.read())
    }
  })
})

test('every type of value, and of tensor', async () => {
  const { metadata, typedMetadata, tensors } = await readGguf(await ggufBytes(VALUES, tensorsOfAllTypes()))
  expect(typedMetadata).toEqual(VALUES)
  expect(metadata.get('i64')).toBe(1 - 2 ** 53)
  expect(metadata.get('nested')).toEqual([Int32Array.of(1, -2), ['x'], []])
  expect(metadata.get('tokens')).toEqual(['', 'a', 'é😀', '\uFEFFb'])
  for (const plan of tensorsOfAllTypes()) {
    const { name, shape, dtype } = plan
    const tensor = tensors.get(name)!
    expect(tensor).toMatchObject({ dtype, shape })
    expect(await tensor.raw!(0, 2 * shape[1])).toEqual([...(plan.bytes() as Iterable<Uint8Array>)][0])
    const second = await tensor.read(shape[1], 2 * shape[1])
    expect(second).toEqual((await tensor.read()).slice(shape[1]))
    expect(second.constructor).toBe(dtype.startsWith('I') && dtype !== 'IQ4_NL' ? Int32Array : Float32Array)
  }
})

test('blocks are not cut, and nothing beyond the tensor is read', async () => {
  const plan = { name: 'w', dtype: 'Q8_0', shape: [2, 32], bytes: () => [new Uint8Array(68)] } as const
  const { tensors } = await readGguf(await ggufBytes(new Map(), [plan]), 'f')
  const tensor = tensors.get('w')!
  await expect(tensor.read(0, 16)).rejects.toThrow(/\[f: w\].*multiples of 32 up to 64.*0 to 16/)
  for (const [begin, end] of [
    [16, 32],
    [0, 96],
    [-32, 32],
    [64, 32],
  ])
    await expect(tensor.read(begin, end)).rejects.toThrow(CheckpointError)
})

describe('a large file', () => {
  test('is read only at its front, and where a tensor is asked for', async () => {
    const plan = {
      name: 'w',
      dtype: 'F32',
      shape: [2],
      bytes: () => [encodeRows('F32', Float32Array.of(1, 2))],
    }
    const bytes = await ggufBytes(new Map(), [{ ...plan, dtype: 'F32' }])
    const { source, reads } = countedFile(bytes, 2 ** 40)
    const { tensors } = await readGguf(source)
    expect(reads).toEqual([65536])
    expect(await tensors.get('w')!.read(1, 2)).toEqual(Float32Array.of(2))
    expect(reads).toEqual([65536, 4])
  })

  test('a tokenizer of 250 000 tokens is read once', async () => {
    const value = Array.from({ length: 250_000 }, (_, i) => (i % 3 === 0 ? `Ġtoken${i}` : `t${i}`))
    const scores = Float32Array.from(value, (_, i) => -i)
    const bytes = await ggufBytes(
      new Map<string, TypedGgufValue>([
        ['tokens', { type: 'ARRAY', of: 'STRING', value }],
        ['scores', { type: 'ARRAY', of: 'FLOAT32', value: scores }],
      ]),
      [],
    )
    const { source, reads } = countedFile(bytes, bytes.length)
    const { metadata } = await readGguf(source)
    expect(metadata.get('tokens')).toEqual(value)
    expect(metadata.get('scores')).toEqual(scores)
    expect(reads.reduce((sum, read) => sum + read)).toBeLessThan(1.5 * bytes.length)
  })
})
