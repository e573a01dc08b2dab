import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../../test/files.ts'
import { readGguf } from '../../checkpoints/gguf/index.ts'
import { readSafetensors } from '../../checkpoints/safetensors.ts'
import { CheckpointError } from '../../errors.ts'
import { GGUF_PRE_TOKENIZERS } from './gguf-patterns.ts'
import { ggufTokenizer } from './gguf.ts'

const textFile = async (path: string): Promise<string> => new TextDecoder().decode(await readTestFile(path))

describe.each(['mamba1', 'mamba2', 'mamba2-groups', 'falcon-mamba'])('%s', (name) => {
  test('tokenises the prompt and spells the continuation as llama.cpp does', async () => {
    const folder = `test/fixtures/gguf/${name}`
    const { metadata } = await readGguf(await readTestFile(`${folder}/model-f32.gguf`))
    const tokenizer = (await ggufTokenizer(metadata))!
    const io = await readSafetensors(await readTestFile(`${folder}/io.safetensors`))
    const fixture = JSON.parse(await textFile(`${folder}/fixture.json`)) as Record<string, string>
    expect(tokenizer.encode(fixture['prompt_text'])).toEqual([...(await io.get('text.prompt_ids')!.read())])
    const greedy = [...(await io.get('text.greedy')!.read())]
    expect(tokenizer.decode(greedy, { special: true })).toBe(fixture['greedy_text'])
    expect([tokenizer.begin, tokenizer.end, tokenizer.size]).toEqual([0, [0], 320])
  })
})

interface Published {
  readonly model: { readonly vocab: Record<string, number>; readonly merges: readonly [string, string][] }
  readonly added_tokens: readonly { readonly id: number; readonly special: boolean }[]
}

interface Case {
  readonly text: string
  readonly ids: number[]
  readonly ids_with_special: number[]
}

/**
 * The sentencepiece fixture as a GGUF file holds it: pieces with scores, by the order of the merges that make
 * them.
 */
async function scored(): Promise<{ metadata: Map<string, unknown>; cases: Case[] }> {
  const folder = 'test/fixtures/tokenizer/sentencepiece'
  const { model, added_tokens } = JSON.parse(await textFile(`${folder}/tokenizer.json`)) as Published
  const tokens = Object.keys(model.vocab).toSorted((a, b) => model.vocab[a] - model.vocab[b])
  const rank = new Map(model.merges.map((pair, i) => [pair.join(''), i]))
  const special = new Set(added_tokens.map(({ id }) => id))
  const metadata = new Map<string, unknown>([
    ['tokenizer.ggml.model', 'llama'],
    ['tokenizer.ggml.tokens', tokens],
    ['tokenizer.ggml.scores', Float32Array.from(tokens, (token) => -(rank.get(token) ?? 1e4))],
    [
      'tokenizer.ggml.token_type',
      Int32Array.from(tokens, (token, id) =>
        id === 0 ? 2 : special.has(id) ? 3 : /^<0x..>$/.test(token) ? 6 : 1,
      ),
    ],
    ['tokenizer.ggml.bos_token_id', 1],
    ['tokenizer.ggml.eos_token_id', 2],
  ])
  const { cases } = JSON.parse(await textFile(`${folder}/cases.json`)) as { cases: Case[] }
  return { metadata, cases }
}

describe('sentencepiece by scores', () => {
  test('is the published tokenizer', async () => {
    const { metadata, cases } = await scored()
    const tokenizer = (await ggufTokenizer(metadata))!
    const got = cases.map(({ text }) => [tokenizer.encode(text), tokenizer.encode(text, { special: true })])
    expect(got).toEqual(cases.map((each) => [each.ids, each.ids_with_special]))
    expect(tokenizer.decode(tokenizer.encode('a  日b'))).toBe('a  日b')
    expect([tokenizer.begin, tokenizer.end]).toEqual([1, [2]])
  })

  test('no space before the text, no first token, where the file says so', async () => {
    const { metadata } = await scored()
    metadata.set('tokenizer.ggml.add_space_prefix', false).set('tokenizer.ggml.add_bos_token', false)
    const tokenizer = (await ggufTokenizer(metadata))!
    const [a, spaced] = ['a', '▁a'].map((each) =>
      (metadata.get('tokenizer.ggml.tokens') as string[]).indexOf(each),
    )
    expect(tokenizer.encode('a', { special: true })).toEqual([a])
    expect(tokenizer.encode(' a')).toEqual([spaced])
    expect(tokenizer.decode([spaced])).toBe(' a')
  })

  test('scores must be there, one a token', async () => {
    const { metadata } = await scored()
    metadata.set('tokenizer.ggml.scores', new Float32Array(3))
    await expect(ggufTokenizer(metadata)).rejects.toThrow(/tokenizer\.ggml\.scores.*519 numbers.*3 values/)
  })
})

const bytes = (more: Record<string, unknown> = {}): Map<string, unknown> =>
  new Map<string, unknown>(
    Object.entries({
      model: 'gpt2',
      pre: 'gpt-2',
      tokens: ['a', 'b', '1', 'Ġ', 'ab', '11', '<end>', '  '],
      token_type: [1, 1, 1, 1, 1, 1, 3, 4],
      merges: ['a b', '1 1'],
      eos_token_id: 6,
      ...more,
    }).map(([key, value]) => [`tokenizer.ggml.${key}`, value]),
  )

const first = async (more: Record<string, unknown>): Promise<number[]> =>
  (await ggufTokenizer(bytes({ bos_token_id: 6, ...more })))!.encode('a', { special: true })

describe('byte-level', () => {
  test.each([...GGUF_PRE_TOKENIZERS.keys()])('%s', async (pre) => {
    const tokenizer = (await ggufTokenizer(bytes({ pre, bos_token_id: 6 })))!
    expect(tokenizer.decode(tokenizer.encode('ab 11a 1 b'))).toBe('ab 11a 1 b')
    expect(tokenizer.encode('ab')).toEqual([4])
  })

  test.each([
    ['gpt-2', [5, 2, 2]],
    ['qwen2', [2, 2, 2, 2]],
    ['smollm', [2, 2, 2, 2]],
    ['llama-bpe', [5, 2, 2]],
  ])('digits of %s', async (pre, ids) => {
    // Four digits with merges of two: split after three, or each, or not at all.
    const tokenizer = (await ggufTokenizer(bytes({ pre })))!
    expect(tokenizer.encode('1111')).toEqual(pre === 'gpt-2' ? [5, 5] : ids)
  })

  test('special and other added tokens', async () => {
    const tokenizer = (await ggufTokenizer(bytes()))!
    expect(tokenizer.encode('ab<end>  b')).toEqual([4, 6, 7, 1])
    expect(tokenizer.decode([4, 6, 7, 1])).toBe('ab  b')
    expect(tokenizer.decode([4, 6, 7, 1], { special: true })).toBe('ab<end>  b')
  })

  test('the first token: as the name says, unless the file does', async () => {
    expect(await first({})).toEqual([0])
    expect(await first({ add_bos_token: true, add_eos_token: true })).toEqual([6, 0, 6])
    expect(await first({ pre: 'llama-bpe' })).toEqual([6, 0])
    expect(await first({ pre: 'llama-bpe', add_bos_token: false })).toEqual([0])
  })

  test('a tokenizer.json in the metadata goes before the rest', async () => {
    const json = await textFile('test/fixtures/tokenizer/neox/tokenizer.json')
    const metadata = bytes({ tokens: ['<|endoftext|>'], eos_token_id: 0 }).set(
      'tokenizer.huggingface.json',
      json,
    )
    const tokenizer = (await ggufTokenizer(metadata))!
    expect([tokenizer.size, tokenizer.end]).toEqual([320, [0]])
  })

  test('a chat template', async () => {
    const metadata = bytes().set('tokenizer.chat_template', '{{ messages[0].content }}{{ eos_token }}')
    const tokenizer = (await ggufTokenizer(metadata))!
    expect(tokenizer.chat([{ role: 'user', content: 'ab' }])).toBe('ab<end>')
  })

  test('none', async () => {
    expect(await ggufTokenizer(new Map())).toBeUndefined()
    expect(await ggufTokenizer(bytes({ model: 'none' }))).toBeUndefined()
  })

  test.each<[more: Record<string, unknown>, message: RegExp]>([
    [{ model: 'bert' }, /\[m\.gguf: tokenizer\.ggml\.model\].*gpt2 or llama, found bert/],
    [{ pre: 'unheard-of' }, /tokenizer\.ggml\.pre\] this pre-tokenizer is not read.*unheard-of/],
    [{ tokens: 'abc' }, /tokenizer\.ggml\.tokens\].*a list of texts/],
    [{ tokens: ['a', 'a'], token_type: [1, 1], eos_token_id: 0 }, /each token once, found a/],
    [{ token_type: [1] }, /token_type\].*8 numbers, found 1/],
    [{ merges: ['a c'] }, /merges\.0\].*not in the vocabulary; found c/],
    [{ merges: ['ab'] }, /merges\.0\] not a pair/],
    [{ eos_token_id: 8 }, /eos_token_id\].*0 to 7, found 8/],
    [{ add_bos_token: 1 }, /add_bos_token\].*true or false/],
  ])('%j is refused', async (more, message) => {
    await expect(ggufTokenizer(bytes(more), 'm.gguf')).rejects.toThrow(message)
    await expect(ggufTokenizer(bytes(more), 'm.gguf')).rejects.toThrow(CheckpointError)
  })
})
