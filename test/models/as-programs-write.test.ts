/** Models as training programs and other tools leave them: test/fixtures/reading says what each is. */
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { writeSafetensors } from '../../src/checkpoints/safetensors-writer.ts'
import { readSafetensors } from '../../src/checkpoints/safetensors.ts'
import type { FileLike } from '../../src/checkpoints/source.ts'
import { loadModel } from '../../src/language/load-model.ts'
import { openCheckpoint } from '../../src/models/files/open.ts'
import { folderFiles } from '../../src/models/files/save.ts'
import { ggufBytes } from '../suites/model-files.ts'
import { openDevice } from '../../src/ops/open-device.ts'

const FOLDER = fileURLToPath(new URL('../fixtures/reading/', import.meta.url))

type Files = Map<string, Uint8Array<ArrayBuffer>>

async function filesOf(name: string): Promise<Files> {
  const files: Files = new Map()
  for (const file of await readdir(FOLDER + name)) {
    if (file !== 'expected.json') files.set(file, new Uint8Array(await readFile(`${FOLDER}${name}/${file}`)))
  }
  return files
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

/** The files with other keys in config.json. */
async function withConfig(name: string, keys: object): Promise<Files> {
  const files = await filesOf(name)
  const config = JSON.parse(new TextDecoder().decode(files.get('config.json'))) as object
  return files.set('config.json', bytes(JSON.stringify({ ...config, ...keys })))
}

/** The tensors of a fixture under other names, or as many more. */
async function renamed(name: string, rename: (tensor: string) => readonly string[]): Promise<Files> {
  const files = await filesOf(name)
  const tensors = await readSafetensors(files.get('model.safetensors')!)
  const list: [string, { shape: readonly number[]; data: Float32Array }][] = []
  for (const [key, stored] of tensors) {
    const data = (await stored.read()) as Float32Array
    for (const each of rename(key)) list.push([each, { shape: stored.shape, data }])
  }
  return files.set('model.safetensors', writeSafetensors(new Map(list)))
}

/** What opening says: its warnings, and its error if there is one. */
async function said(files: ReadonlyMap<string, FileLike>): Promise<{ warnings: string[]; error: string }> {
  const warnings: string[] = []
  const error = await openCheckpoint(files, { onWarning: (text) => warnings.push(text) }).then(
    () => '',
    (thrown: unknown) => (thrown as Error).message,
  )
  return { warnings, error }
}

/** A tensor, and another of its name with this at the end, for one of the projections. */
const twice = (tail: string) => (name: string) => (name.includes('in_proj') ? [name, name + tail] : [name])

const special = async (files: ReadonlyMap<string, FileLike>): Promise<unknown> =>
  (await openCheckpoint(files, { onWarning: () => {} })).special

describe('logits are those of transformers', async () => {
  const device = await openDevice('reference')
  const expectLogits = async (files: Files, name: string, warning: RegExp): Promise<void> => {
    const warnings: string[] = []
    const model = await loadModel(files, { device, onWarning: (text) => warnings.push(text) })
    const { ids, logits } = JSON.parse(await readFile(`${FOLDER}${name}/expected.json`, 'utf8')) as {
      ids: number[][]
      logits: number[]
    }
    const { data } = await model.logits(ids)
    for (const [i, value] of logits.entries()) expect(Math.abs(data[i] - value)).toBeLessThan(1e-4)
    expect(warnings.join('\n')).toMatch(warning)
    model.dispose()
  }

  test.each([
    ['bin-scalar', /weights under model, which is not read: iter_num, best_val_loss/],
    ['headless', /without their wrappers: embeddings\.weight is backbone/],
    ['prefix-module', /without their wrappers: module\./],
    ['tied-differ', /the head differs from the embedding/],
    ['st-null-metadata', /^$/],
  ])('%s', async (name, warning) => expectLogits(await filesOf(name), name, warning))

  test.each<[what: string, rename: (name: string) => string]>([
    ['of a compiled model', (name) => `_orig_mod.${name}`],
    ['of PEFT', (name) => `base_model.model.${name}`],
    ['of several wrappers', (name) => `model._forward_module.module._orig_mod.${name}`],
    ['of a wrapper that nobody knows', (name) => `policy.net.${name}`],
    [
      'of layers wrapped one by one',
      (name) => name.replace(/(layers\.\d+)\./, '$1._checkpoint_wrapped_module.'),
    ],
    ['of the backbone alone', (name) => name.replace('backbone.', '')],
    ['of a backbone in a wrapper', (name) => name.replace('backbone.', 'transformer.')],
  ])('names %s', async (_, rename) => {
    const files = await renamed('st-null-metadata', (name) => [rename(name)])
    await expectLogits(files, 'st-null-metadata', /without their wrappers/)
  })

  test('of a state dict that is a Git LFS pointer, a torch archive of any name, and shards below', async () => {
    const files = await filesOf('bin-scalar')
    const [weights] = [files.get('pytorch_model.bin')!]
    files.delete('pytorch_model.bin')
    await expectLogits(files.set('last.ckpt', weights), 'bin-scalar', /iter_num/)
    const pointer = bytes(
      `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 9\n`,
    )
    expect((await said(files.set('last.ckpt', pointer))).error).toMatch(/pointer of Git LFS/)
  })
})

describe('a tensor under two spellings', () => {
  test.each<[rename: (name: string) => string[]]>([
    [(name) => [name, `module.${name}`]],
    [(name) => (name === 'backbone.embeddings.weight' ? [name, 'backbone.embedding.weight'] : [name])],
    [(name) => (name.endsWith('layers.0.mixer.A_log') ? [name, name.replace('A_log', 'A')] : [name])],
  ])('is refused', async (rename) => {
    expect((await said(await renamed('st-null-metadata', rename))).error).toMatch(/a tensor stands twice/)
  })

  test('of another model is a warning that names it', async () => {
    const { error, warnings } = await said(
      await renamed('st-null-metadata', (name) => [name, `teacher.${name}`]),
    )
    expect(error).toBe('')
    expect(warnings.join()).toMatch(/no place for teacher\.backbone\..*… \(\d+\)/)
  })

  test('adapters that are not merged, and scales of quantised weights, are refused by name', async () => {
    expect((await said(await renamed('st-null-metadata', twice('.lora_A.weight')))).error).toMatch(
      /adapter.*lora_A/,
    )
    expect((await said(await renamed('st-null-metadata', twice('.SCB')))).error).toMatch(/quantised.*SCB/)
  })
})

describe('keys of config.json', () => {
  test.each<[keys: object, message: RegExp]>([
    [{ quantization_config: { quant_method: 'gptq', bits: 4 } }, /quantization_config\] quantised.*gptq/],
    [{ compression_config: { format: 'pack' } }, /compression_config\] quantised/],
    [{ sliding_window: 512 }, /sliding_window\] unsupported value.*512/],
    [{ rope_scaling: { type: 'linear', factor: 2 } }, /rope_scaling\] unsupported value.*linear/],
    [{ is_encoder_decoder: true }, /is_encoder_decoder\] unsupported/],
    [{ rms_norm: false }, /rms_norm\] unsupported value; expected true, found false/],
    [{ hidden_act: 'gelu' }, /hidden_act.*gelu/],
  ])('%j is refused', async (keys, message) => {
    expect((await said(await withConfig('st-null-metadata', keys))).error).toMatch(message)
  })

  test('what nobody knows is a warning; what is null, harmless or of training is not', async () => {
    const known = {
      sliding_window: null,
      quantization_config: null,
      initializer_range: 0.1,
      dtype: 'bfloat16',
    }
    expect(await said(await withConfig('st-null-metadata', known))).toEqual({ warnings: [], error: '' })
    const { warnings } = await said(
      await withConfig('st-null-metadata', { logit_scale: 2, norm_before_gate: true }),
    )
    expect(warnings).toEqual(['[config.json] keys that are not heard here: norm_before_gate, logit_scale'])
    const classes = { architectures: ['MambaForSequenceClassification'] }
    expect((await said(await withConfig('st-null-metadata', classes))).warnings.join()).toMatch(
      /other heads are not/,
    )
  })
})

describe('tokens that begin and end a text', () => {
  test.each<[config: object, generation: string | undefined, expected: object]>([
    [{}, undefined, { begin: 1, end: [5], pad: undefined }],
    [{ eos_token_id: [5, 6] }, undefined, { begin: 1, end: [5, 6], pad: undefined }],
    [
      { eos_token_id: null, text_config: { eos_token_id: 7, pad_token_id: 2 } },
      undefined,
      { begin: 1, end: [7], pad: 2 },
    ],
    // transformers takes generation_config.json alone, if there is one.
    [{}, '{"eos_token_id": [2, 3]}', { begin: undefined, end: [2, 3], pad: undefined }],
    [{}, 'not JSON', { begin: 1, end: [5], pad: undefined }],
    [{ eos_token_id: [99, -1, 'x', 3] }, undefined, { begin: 1, end: [3], pad: undefined }],
  ])('config.json %j, generation_config.json %s', async (config, generation, expected) => {
    const files = await withConfig('eos-convert', config)
    if (generation !== undefined) files.set('generation_config.json', bytes(generation))
    expect(await special(files)).toEqual(expected)
  })

  test('stay what they are from folder to GGUF to folder, and end a text', async () => {
    const checkpoint = await openCheckpoint(await filesOf('eos-convert'))
    const file = await ggufBytes(checkpoint, { type: 'F32', special: checkpoint.special })
    const gguf = await openCheckpoint(new Map([['m.gguf', file]]))
    expect(gguf.special).toEqual({ begin: 1, end: [5], pad: undefined })
    const text = folderFiles(gguf, { special: gguf.special }).get('config.json') as string
    expect(JSON.parse(text)).toMatchObject({ bos_token_id: 1, eos_token_id: 5, pad_token_id: null })
    const device = await openDevice('reference')
    const model = await loadModel(await filesOf('eos-convert'), { device })
    expect(model.end).toEqual([5])
    const saved = new Map<string, Blob>()
    await model.save(saved)
    expect(JSON.parse(await saved.get('config.json')!.text())).toMatchObject({ eos_token_id: 5 })
    model.dispose()
  })
})

describe('a file in parts', () => {
  test('of GGUF is one model, and a part alone says how many there are', async () => {
    const files = await filesOf('gguf-split')
    const names = [...files.keys()]
    for (const file of names) {
      const { tensors } = await openCheckpoint(files, { file })
      expect(tensors.size).toBe(12)
    }
    files.delete(names[1])
    expect((await said(files)).error).toMatch(
      /one part of 2; expected all 2 parts.*no m-00002-of-00002\.gguf/,
    )
    const alone = new Map([['renamed.gguf', files.get(names[0])!]])
    expect((await said(alone)).error).toMatch(/one part of 2/)
  })

  test('without its index is read if all is there, and in a folder below', async () => {
    const names = ['config.json', ...[1, 2, 3].map((i) => `model-0000${i}-of-00003.safetensors`)]
    const at = fileURLToPath(new URL('../fixtures/edge/sharded/ok/', import.meta.url))
    const files = new Map(
      await Promise.all(
        names.map(async (name) => [name, new Uint8Array(await readFile(at + name))] as const),
      ),
    )
    expect(await said(files)).toMatchObject({
      error: '',
      warnings: [expect.stringMatching(/no index.*all 3 are read/)],
    })
    const index = JSON.parse(await readFile(`${at}model.safetensors.index.json`, 'utf8')) as {
      weight_map: Record<string, string>
    }
    const map = Object.entries(index.weight_map).map(([name, file]) => [name, `parts/${file}`])
    const below = new Map([...files].map(([name, data]) => [name.replace(/^model-/, 'parts/model-'), data]))
    below.set(
      'model.safetensors.index.json',
      bytes(JSON.stringify({ weight_map: Object.fromEntries(map) as object })),
    )
    expect(await said(below)).toEqual({ error: '', warnings: [] })
    files.delete(names[2])
    expect((await said(files)).error).toMatch(/index is missing.*no model-00002-of-00003\.safetensors/)
  })
})

test('what is no file of weights is called what it is', async () => {
  const files = await filesOf('eos-convert')
  for (const [content, name] of [
    ['{"model_type": "mamba"}', 'JSON text'],
    ['<!DOCTYPE html><html>', 'HTML or XML text'],
    ['\x1f\x08 gzip', undefined],
  ] as const) {
    const { error } = await said(files.set('model.safetensors', bytes(content)))
    expect(error).toContain(name === undefined ? 'not a safetensors file' : `not a file of weights`)
    if (name) expect(error).toContain(name)
  }
})

test('a tokenizer that cannot be read leaves the model to its ids, and is kept as it is', async () => {
  const files = await filesOf('eos-convert')
  files.set('tokenizer.json', bytes('{"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}'))
  files.set('vocab.txt', bytes('a'))
  const warnings: string[] = []
  const model = await loadModel(files, { device: 'reference', onWarning: (text) => warnings.push(text) })
  expect((await model.logits([[3, 1, 4]])).shape).toEqual([1, 3, 16])
  expect(warnings.join()).toMatch(/tokenizer cannot be read.*WordLevel/)
  expect(() => model.encode('a')).toThrow(/tokenizer of the model could not be read.*WordLevel/)
  model.dispose()
  const checkpoint = await openCheckpoint(files)
  const kept = folderFiles(checkpoint, { beside: await checkpoint.beside() })
  expect([...kept.keys()]).toEqual(expect.arrayContaining(['tokenizer.json', 'vocab.txt']))
})

test('a flipped bit of a torch archive is an error that names the record', async () => {
  const files = await filesOf('bin-scalar')
  const good = files.get('pytorch_model.bin')!
  const load = async (weights: Uint8Array<ArrayBuffer>): Promise<Uint8Array[]> => {
    const { tensors } = await openCheckpoint(files.set('pytorch_model.bin', weights), { onWarning: () => {} })
    return Promise.all([...tensors.values()].map(async (each) => new Uint8Array((await each.read()).buffer)))
  }
  const want = await load(good)
  let refused = 0
  for (let at = 1; at < good.length; at += 61) {
    const got = await load(good.with(at, good[at] ^ 4)).catch((error: Error) => {
      if (/wrong CRC-32/.test(error.message)) refused++
    })
    // What is padding, or said twice, changes nothing.
    if (got) expect(got).toEqual(want)
  }
  expect(refused).toBeGreaterThan(40)
})
