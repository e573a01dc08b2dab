import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../../test/files.ts'
import type { TypedGgufValue } from '../../checkpoints/gguf/index.ts'
import { ConfigError } from '../../errors.ts'
import { byteTokenizer } from '../text/bytes.ts'
import { ggufTokenizer } from './gguf.ts'
import { openTokenizer } from '../definition/hugging-face.ts'
import { ggufOfTokenizer } from './to-gguf.ts'
import type { Tokenizer } from '../tokenizer.ts'

const textFile = async (path: string): Promise<string> => new TextDecoder().decode(await readTestFile(path))

interface Case {
  readonly text: string
  readonly ids: number[]
  readonly ids_with_special: number[]
}

async function published(name: string): Promise<{ tokenizer: Tokenizer; cases: Case[] }> {
  const folder = `test/fixtures/tokenizer/${name}`
  const { cases } = JSON.parse(await textFile(`${folder}/cases.json`)) as { cases: Case[] }
  const config = await textFile(`${folder}/tokenizer_config.json`)
  return { tokenizer: await openTokenizer(await textFile(`${folder}/tokenizer.json`), { config }), cases }
}

/** The tokenizer that a file with these keys has. */
const readBack = async (keys: ReadonlyMap<string, TypedGgufValue>): Promise<Tokenizer> =>
  (await ggufTokenizer(new Map([...keys].map(([key, { value }]) => [key, value])), 'm.gguf', keys))!

const valueOf = (keys: ReadonlyMap<string, TypedGgufValue>, name: string): unknown =>
  keys.get(`tokenizer.ggml.${name}`)?.value

describe.each([
  ['neox', 'gpt2', 'gpt-2', 320],
  ['llama3', 'gpt2', 'llama-bpe', 526],
  ['sentencepiece', 'llama', 'default', 519],
])('%s', (name, model, pre, size) => {
  test('says the same in a GGUF file', async () => {
    const { tokenizer, cases } = await published(name)
    const keys = ggufOfTokenizer(tokenizer, size)
    expect([valueOf(keys, 'model'), valueOf(keys, 'pre')]).toEqual([model, pre])
    const back = await readBack(keys)
    // llama.cpp does not compose letters and marks.
    const plain = cases.filter(({ text }) => text.normalize('NFC') === text)
    expect(plain.length).toBeGreaterThan(20)
    const ids = (each: Tokenizer): number[][] => plain.map(({ text }) => each.encode(text, { special: true }))
    expect(ids(back)).toEqual(plain.map((each) => each.ids_with_special))
    const texts = (each: Tokenizer): string[] => plain.map((one) => each.decode(one.ids))
    expect(texts(back)).toEqual(texts(tokenizer))
    // llama.cpp counts <|eot_id|> as an end by what it is called.
    const ends = name === 'llama3' ? [...tokenizer.end, 525] : tokenizer.end
    expect([back.begin, back.end, back.pad]).toEqual([tokenizer.begin, ends, tokenizer.pad])
    expect(ggufOfTokenizer(back, size)).toEqual(keys)
  })

  test('and in a folder again', async () => {
    const { tokenizer, cases } = await published(name)
    const { files, ...direct } = await readBack(ggufOfTokenizer(tokenizer, size))
    const again = await openTokenizer(files.get('tokenizer.json')!, {
      config: files.get('tokenizer_config.json')!,
      ...(files.has('generation_config.json') && { generation: files.get('generation_config.json')! }),
    })
    expect(again.name).toBe(direct.name)
    const ids = (each: Pick<Tokenizer, 'encode'>): number[][] =>
      cases.map(({ text }) => each.encode(text, { special: true }))
    expect(ids(again)).toEqual(ids(direct))
    expect([again.begin, again.end, again.pad]).toEqual([direct.begin, direct.end, direct.pad])
  })

  test('room in the vocabulary that no token takes', async () => {
    const { tokenizer } = await published(name)
    const keys = ggufOfTokenizer(tokenizer, size + 2)
    expect((valueOf(keys, 'tokens') as string[]).slice(size)).toEqual([`[PAD${size}]`, `[PAD${size + 1}]`])
    expect([...(valueOf(keys, 'token_type') as number[])].slice(size)).toEqual([5, 5])
    const back = await readBack(keys)
    expect([back.size, back.decode([size])]).toEqual([size, ''])
    expect(() => ggufOfTokenizer(tokenizer, size - 1)).toThrow(/more tokens than the model.*518|319|525/)
  })
})

test('the keys are those that llama.cpp reads', async () => {
  const { tokenizer } = await published('neox')
  const keys = ggufOfTokenizer(tokenizer, 321)
  expect([...keys.keys()].map((key) => key.replace('tokenizer.ggml.', ''))).toEqual([
    'model',
    'pre',
    'tokens',
    'token_type',
    'merges',
    'bos_token_id',
    'eos_token_id',
    'add_bos_token',
    'add_eos_token',
  ])
  const types = [...(valueOf(keys, 'token_type') as number[])]
  expect([types[0], types[1], types[2], types[316], types[317], types[320]]).toEqual([3, 3, 1, 1, 4, 5])
  expect((valueOf(keys, 'merges') as string[])[0]).toBe('Ġ Ġ')
})

test('bytes: a vocabulary of the letters that stand for them', async () => {
  const keys = ggufOfTokenizer(byteTokenizer, 256)
  const tokens = valueOf(keys, 'tokens') as string[]
  expect([tokens.length, new Set(tokens).size, tokens[0x20], tokens[0x61]]).toEqual([256, 256, 'Ġ', 'a'])
  const back = await readBack(keys)
  for (const text of ['a b\n', '日本 😀\0', "it's 12345  x\r\n"]) {
    const bytes = [...new TextEncoder().encode(text)]
    expect(back.encode(text, { special: true })).toEqual(bytes)
    expect(back.decode(bytes, { special: true })).toBe(text)
  }
})

test('a chat template goes along', async () => {
  const json = await textFile('test/fixtures/tokenizer/neox/tokenizer.json')
  const config = '{"eos_token": "<|endoftext|>", "pad_token": "<|padding|>", "chat_template": "{{ 1 }}"}'
  const tokenizer = await openTokenizer(json, { config })
  const back = await readBack(ggufOfTokenizer(tokenizer, 320))
  expect([back.begin, back.end, back.pad, back.chat([])]).toEqual([undefined, [0], 1, '1'])
  const { files } = back
  expect(JSON.parse(files.get('tokenizer_config.json')!)).toMatchObject({
    eos_token: '<|endoftext|>',
    pad_token: '<|padding|>',
    chat_template: '{{ 1 }}',
  })
})

test('several tokens that end a text', async () => {
  const json = await textFile('test/fixtures/tokenizer/llama3/tokenizer.json')
  const config = '{"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}'
  const tokenizer = await openTokenizer(json, { config, generation: '{"eos_token_id": [523, 525]}' })
  const keys = ggufOfTokenizer(tokenizer, 526)
  expect([valueOf(keys, 'eos_token_id'), valueOf(keys, 'eot_token_id')]).toEqual([523, 525])
  const { end, files } = await readBack(keys)
  expect(end).toEqual([523, 525])
  expect(JSON.parse(files.get('generation_config.json')!)).toEqual({ eos_token_id: [523, 525] })
})

test('more of them than there are keys for', async () => {
  const json = await textFile('test/fixtures/tokenizer/llama3/tokenizer.json')
  const config = '{"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}'
  const known = await openTokenizer(json, { config, generation: '{"eos_token_id": [524, 525, 3]}' })
  // llama.cpp counts <|eot_id|> (525) by what it is called.
  const keys = ggufOfTokenizer(known, 526)
  expect(['eos', 'eot', 'eom'].map((name) => valueOf(keys, `${name}_token_id`))).toEqual([523, 524, 3])
  expect(new Set((await readBack(keys)).end)).toEqual(new Set([3, 523, 524, 525]))
  const others = await openTokenizer(json, { config, generation: '{"eos_token_id": [1, 2, 3]}' })
  expect(() => ggufOfTokenizer(others, 526)).toThrow(/names for three tokens/)
})

type Json = Record<string, unknown>
const isolated = (Regex: string): Json => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Isolated',
  invert: false,
})
const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, use_regex: true }
const FALCON = [
  { type: 'Punctuation', behavior: 'Contiguous' },
  BYTE_LEVEL,
  { type: 'Digits', individual_digits: false },
  isolated('[0-9][0-9][0-9]'),
]
const sequence = (...pretokenizers: Json[]): Json => ({ type: 'Sequence', pretokenizers })

/** A small byte-level tokenizer, changed. */
function small(change: Json, more: Json = {}): Promise<Tokenizer> {
  const tokens = ['<end>', 'a', 'b', '1', 'Ġ', 'ab', ...((more['tokens'] as string[]) ?? [])]
  const vocab = Object.fromEntries(tokens.map((token, i) => [token, i]))
  const merges = [['a', 'b'], ...((more['merges'] as string[][]) ?? [])]
  return openTokenizer(
    JSON.stringify({
      added_tokens: [{ id: 0, content: '<end>', special: true }],
      pre_tokenizer: BYTE_LEVEL,
      decoder: { type: 'ByteLevel' },
      model: { type: 'BPE', vocab, merges, ...(more['model'] as Json) },
      ...change,
    }),
    { config: JSON.stringify({ eos_token: '<end>', ...(more['config'] as Json) }) },
  )
}

describe('pre-tokenizers by their patterns', () => {
  test.each<[name: string, part: Json]>([
    ['gpt-2', BYTE_LEVEL],
    ['starcoder', sequence({ type: 'Digits', individual_digits: true }, BYTE_LEVEL)],
    ['falcon', sequence(...FALCON)],
  ])('%s', async (name, pre_tokenizer) => {
    expect(valueOf(ggufOfTokenizer(await small({ pre_tokenizer }), 6), 'pre')).toBe(name)
  })

  test('merges across what only one of both splits', async () => {
    const more = { tokens: ['Ġ1'], merges: [['Ġ', '1']] }
    const tokenizer = await small({ pre_tokenizer: sequence(...FALCON) }, more)
    expect(() => ggufOfTokenizer(tokenizer, 7)).toThrow(/no such pre-tokenizer/)
  })
})

/** Pieces with byte fallback. */
function pieces(tokens: string[], merges: string[][], change: Json = {}): Promise<Tokenizer> {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)
  const all = ['<unk>', '</s>', ...bytes, ...tokens]
  const vocab = Object.fromEntries(all.map((token, i) => [token, i]))
  return openTokenizer(
    JSON.stringify({
      added_tokens: [0, 1].map((id) => ({ id, content: all[id], special: true })),
      normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] },
      model: { type: 'BPE', byte_fallback: true, unk_token: '<unk>', vocab, merges },
      ...change,
    }),
    { config: '{"eos_token": "</s>"}' },
  )
}

const METASPACE = { type: 'Metaspace', replacement: '▁' }

describe('scores', () => {
  test('are ranks; what no merge makes is below all', async () => {
    const tokenizer = await pieces(
      ['a', 'b', 'c', 'ab', 'bc', 'abc'],
      [
        ['a', 'b'],
        ['b', 'c'],
        ['ab', 'c'],
      ],
    )
    const keys = ggufOfTokenizer(tokenizer, tokenizer.size)
    expect([...(valueOf(keys, 'scores') as Float32Array)].slice(-6)).toEqual([-1e6, -1e6, -1e6, -1, -2, -3])
    expect(valueOf(keys, 'add_space_prefix')).toBe(false)
    const back = await readBack(keys)
    for (const text of ['abcabc', 'bcab', 'aabbcc', 'a b d', '日abc']) {
      expect(back.encode(text)).toEqual(tokenizer.encode(text))
    }
  })

  test('a pair that only sentencepiece would join', async () => {
    // `abc` is made of `a` and `bc`, but letters come to `ab` and `c` first.
    const tokenizer = await pieces(
      ['a', 'b', 'c', 'ab', 'bc', 'abc'],
      [
        ['a', 'b'],
        ['b', 'c'],
        ['a', 'bc'],
      ],
    )
    expect(() => ggufOfTokenizer(tokenizer, tokenizer.size)).toThrow(/would join two pieces.*found abc/)
  })
})

const split = (Regex: string): Json => sequence(isolated(Regex), { ...BYTE_LEVEL, use_regex: false })

describe('what llama.cpp has no words for is refused by name', () => {
  test.each<[what: string, open: () => Promise<Tokenizer>, message: RegExp]>([
    ['an unknown pattern', () => small({ pre_tokenizer: split('\\d|x') }), /pre-tokenizer.*\\d\|x/],
    ['a space before texts', () => small({ pre_tokenizer: { type: 'ByteLevel' } }), /pre-tokenizer/],
    ['no pre-tokenizer', () => small({ pre_tokenizer: null }), /no such pre-tokenizer; found null/],
    ['a normalizer', () => small({ normalizer: { type: 'Lowercase' } }), /normalizer.*Lowercase/],
    ['a decoder', () => small({ decoder: null }), /no such decoder/],
    [
      'unknown bytes',
      () => small({}, { model: { unk_token: '<end>' } }),
      /no token for unknown bytes; found <end>/,
    ],
    ['no end', () => small({}, { config: { eos_token: null } }), /wants a token that ends a text.*eos_token/],
    [
      'other tokens around texts',
      () =>
        small({
          post_processor: {
            type: 'TemplateProcessing',
            single: [{ SpecialToken: { id: '<end>' } }, { Sequence: { id: 'A' } }],
            special_tokens: { '<end>': { ids: [0] } },
          },
        }),
      /only bos_token before a text; found \[0\]/,
    ],
    [
      'tokens that take spaces',
      () => small({ added_tokens: [{ id: 0, content: '<end>', special: true, lstrip: true }] }),
      /look at what is beside them; found <end>/,
    ],
    ['words split at spaces', () => pieces(['a'], [], { pre_tokenizer: METASPACE }), /Metaspace/],
    ['other spaces', () => pieces(['a'], [], { normalizer: { type: 'NFKC' } }), /normalizer.*NFKC/],
    ['merges of bytes', () => pieces(['<0x41>a', 'a'], [['<0x41>', 'a']]), /does not merge bytes/],
    [
      'a tokenizer without files',
      () => Promise.resolve({ ...byteTokenizer, name: 'mine' }),
      /no tokenizer.json; found mine/,
    ],
  ])('%s', async (_, open, message) => {
    const tokenizer = await open()
    expect(() => ggufOfTokenizer(tokenizer, 1000)).toThrow(message)
    expect(() => ggufOfTokenizer(tokenizer, 1000)).toThrow(ConfigError)
  })
})
