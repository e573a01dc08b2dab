import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../../test/files.ts'
import { openFolder, type Folder } from '../../checkpoints/files.ts'
import { openTokenizer, readTokenizer } from './hugging-face.ts'
import type { Tokenizer } from '../tokenizer.ts'

const text = new TextEncoder()

interface Part {
  [key: string]: unknown
}

const small = (): Part => ({
  added_tokens: [{ id: 4, content: '<end>', special: true }],
  decoder: { type: 'Fuse' },
  model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, '<begin>': 3 }, merges: [['a', 'b']] },
})
const open = (value: unknown): Promise<Tokenizer> => openTokenizer(JSON.stringify(value))

const folder = (files: Record<string, unknown>): Promise<Folder> =>
  openFolder(
    new Map(
      Object.entries(files).map(([name, value]) => [
        name,
        text.encode(typeof value === 'string' ? value : JSON.stringify(value)),
      ]),
    ),
  )

const metaspace = (prepend_scheme: string): Part => ({
  pre_tokenizer: { type: 'Metaspace', replacement: '<', prepend_scheme, split: false },
})

const read = async (
  files: Record<string, unknown>,
): Promise<{ tokenizer: Tokenizer; warnings: string[] }> => {
  const warnings: string[] = []
  const tokenizer = (await readTokenizer(await folder(files), (message) => warnings.push(message)))!
  return { tokenizer, warnings }
}

describe('tokens that only the files beside have', () => {
  test('a first token that is none gets an id, and a warning', async () => {
    const { tokenizer, warnings } = await read({
      'tokenizer.json': small(),
      'tokenizer_config.json': { bos_token: '<s>' },
    })
    expect([tokenizer.begin, tokenizer.encode('ab<s>')]).toEqual([5, [2, 5]])
    expect(warnings).toEqual(['[tokenizer_config.json: bos_token] the tokenizer lacks <s>: it is added'])
  })

  test('special_tokens_map.json names begin and end where the configuration does not', async () => {
    const { tokenizer, warnings } = await read({
      'tokenizer.json': small(),
      'tokenizer_config.json': { pad_token: null },
      'special_tokens_map.json': { bos_token: { content: '<begin>' }, eos_token: '<end>' },
    })
    expect([tokenizer.begin, tokenizer.end, warnings]).toEqual([3, [4], []])
    // What has a name is special, as transformers makes it.
    expect(tokenizer.decode(tokenizer.encode('<begin>ab<end>'))).toBe('ab')
  })

  test('added_tokens_decoder and added_tokens.json', async () => {
    const { tokenizer, warnings } = await read({
      'tokenizer.json': small(),
      'tokenizer_config.json': { added_tokens_decoder: { 5: { content: '<x>', special: true } } },
      'added_tokens.json': { '<y>': 6, '<x>': 5 },
    })
    expect(tokenizer.encode('<y>ab<x>')).toEqual([2, 5])
    expect(warnings).toEqual([
      '[tokenizer_config.json: added_tokens_decoder.5] the tokenizer lacks <x>: it is added',
      '[added_tokens.json] <y> is left out: tokenizer_config.json lists all added tokens',
    ])
  })

  test('vocab.json and merges.txt are the tokenizer of GPT-2', async () => {
    const files = {
      'vocab.json': { a: 0, b: 1, Ġ: 2, ab: 3, Ġab: 4, '<|endoftext|>': 5 },
      'merges.txt': '#version: 0.2\na b\nĠ ab\n',
      'special_tokens_map.json': { eos_token: '<|endoftext|>' },
    }
    const { tokenizer } = await read({
      ...files,
      'tokenizer_config.json': { tokenizer_class: 'GPT2Tokenizer' },
    })
    expect([tokenizer.encode('ab ab<|endoftext|>'), tokenizer.end]).toEqual([[3, 4, 5], [5]])
    expect(tokenizer.decode([3, 4])).toBe('ab ab')
    expect([...tokenizer.files.keys()][0]).toBe('tokenizer.json')
    const other = read({ ...files, 'tokenizer_config.json': { tokenizer_class: 'Qwen2Tokenizer' } })
    await expect(other).rejects.toThrow(/tokenizer_class\] .* from its tokenizer\.json only.*Qwen2Tokenizer/)
  })
})

describe('text that goes on', () => {
  test.each<[part: Part]>([
    [{ normalizer: { type: 'Prepend', prepend: '<' } }],
    [metaspace('always')],
    [metaspace('first')],
  ])('%j', async (part) => {
    const value = small()
    const model = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, '<': 3 }, merges: [['a', 'b']] }
    const tokenizer = await open({ ...value, model, ...part })
    expect(tokenizer.encode('ab')).toEqual([3, 2])
    expect(tokenizer.encode('ab', { after: 2 })).toEqual([2])
    // Behind a token that was added, a text begins anew, but not the whole.
    const scheme = (part['pre_tokenizer'] as Part | undefined)?.['prepend_scheme']
    expect(tokenizer.encode('ab', { after: 4 })).toEqual(scheme === 'first' ? [2] : [3, 2])
  })
})

describe('as transformers makes it of the files beside', async () => {
  type Case = readonly [
    name: string,
    files: Record<string, unknown>,
    texts: readonly [text: string, ids: readonly number[], decoded: string][],
    begin: number | null,
    end: number | null,
    pad: number | null,
  ]
  interface Recorded {
    readonly shared: Readonly<Record<string, unknown>>
    readonly cases: Readonly<Record<'tokenizer.json' | 'vocab.json', readonly Case[]>>
  }
  const recorded = await readTestFile('test/fixtures/tokenizer/beside/beside.json')
  const { shared, cases } = JSON.parse(new TextDecoder().decode(recorded)) as Recorded

  const check = async ([, files, texts, begin, end, pad]: Case, names: readonly string[]): Promise<void> => {
    const common = Object.fromEntries(names.map((name) => [name, shared[name]]))
    const { tokenizer } = await read({ ...common, ...files })
    const got = texts.map(([text]) => {
      const ids = tokenizer.encode(text, { special: true })
      return [text, ids, tokenizer.decode(ids)]
    })
    expect(got).toEqual(texts)
    expect([tokenizer.begin ?? null, tokenizer.end, tokenizer.pad ?? null]).toEqual([
      begin,
      end === null ? [] : [end],
      pad,
    ])
  }

  test.each(cases['tokenizer.json'])('a tokenizer.json, %s', async (...each) =>
    check(each, ['tokenizer.json']),
  )
  test.each(cases['vocab.json'])('vocab.json, %s', async (...each) =>
    check(each, ['vocab.json', 'merges.txt']),
  )
})
