import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../../test/files.ts'
import { openFolder } from '../../checkpoints/files.ts'
import { CheckpointError, ConfigError } from '../../errors.ts'
import { openTokenizer, readTokenizer, type TokenizerFiles } from './hugging-face.ts'
import type { Tokenizer } from '../tokenizer.ts'

const NEOX = 'test/fixtures/tokenizer/neox'
const text = new TextEncoder()

interface Part {
  [key: string]: unknown
}

const small = (): Part => ({
  added_tokens: [{ id: 4, content: '<end>', special: true }],
  decoder: { type: 'Fuse' },
  model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, '<begin>': 3 }, merges: [['a', 'b']] },
})
const open = (value: unknown, files?: TokenizerFiles): Promise<Tokenizer> =>
  openTokenizer(JSON.stringify(value), files, 'some.json')

const replace = (pattern: object, content: string): object => ({ type: 'Replace', pattern, content })

/** A text as a normalizer leaves it. */
const normalized = async (normalizer: unknown, input: string): Promise<string> => {
  const value = small()
  const characters = new Set(`${input}abe$&1 xé\u0301`)
  value['normalizer'] = normalizer
  value['model'] = {
    vocab: Object.fromEntries([...characters].map((each, id) => [each, 10 + id])),
    merges: [],
  }
  const tokenizer = await open(value)
  return tokenizer.decode(tokenizer.encode(input))
}

/** What a post-processor makes of a text that is one token. */
const around = async (postProcessor: unknown): Promise<number[]> => {
  const tokenizer = await open({ ...small(), post_processor: postProcessor })
  expect(tokenizer.encode('ab')).toEqual([2])
  return tokenizer.encode('ab', { special: true })
}

/** A tokenizer of which one thing is otherwise. */
const change = (path: readonly (string | number)[], value: unknown): unknown => {
  const root = small()
  const parent = path.slice(0, -1).reduce<Part>((part, key) => part[key] as Part, root)
  parent[path.at(-1)!] = value
  return root
}

describe('a folder', () => {
  test('without a tokenizer.json has no tokenizer', async () => {
    expect(await readTokenizer(await openFolder(new Map()))).toBeUndefined()
  })

  test('all files', async () => {
    const files = new Map<string, Uint8Array>([
      ['tokenizer.json', await readTestFile(`${NEOX}/tokenizer.json`)],
      [
        'tokenizer_config.json',
        text.encode('{"bos_token": {"content": "<|padding|>"}, "eos_token": "<|endoftext|>"}'),
      ],
      ['generation_config.json', text.encode('{"eos_token_id": [7, 0], "x": Infinity}')],
      ['chat_template.jinja', text.encode('{{ bos_token }}{{ messages[0].content }}')],
    ])
    const tokenizer = (await readTokenizer(await openFolder(files)))!
    expect(tokenizer.name).toMatch(/^bpe-[0-9a-f]{16}$/)
    expect([tokenizer.begin, tokenizer.end, tokenizer.size]).toEqual([1, [0, 7], 320])
    expect(tokenizer.chat([{ role: 'user', content: 'Hi' }])).toBe('<|padding|>Hi')
  })
})

test('the name tells tokenizers apart', async () => {
  const other = small()
  other['normalizer'] = { type: 'NFC' }
  const [one, again, two] = await Promise.all([open(small()), open(small()), open(other)])
  expect(one.name).toBe(again.name)
  expect(one.name).not.toBe(two.name)
})

test('lone surrogates are U+FFFD; ids without a token have no text', async () => {
  const [bytes, config] = await Promise.all([
    readTestFile(`${NEOX}/tokenizer.json`),
    readTestFile(`${NEOX}/tokenizer_config.json`),
  ])
  const tokenizer = await openTokenizer(new TextDecoder().decode(bytes), {
    config: new TextDecoder().decode(config),
  })
  expect(tokenizer.encode('a\uD83Db\uDE00')).toEqual(tokenizer.encode('a�b�'))
  expect(tokenizer.decode([...tokenizer.encode('Hi'), 400, -1, 0.5])).toBe('Hi')
  expect(tokenizer.begin).toBe(0)
})

test('tokens of a vocabulary may have any name', async () => {
  const value = JSON.stringify(small()).replace('"<begin>"', '"__proto__"')
  const tokenizer = await openTokenizer(value.replace('"b"', '"constructor"').replace('[["a","b"]]', '[]'))
  expect(tokenizer.decode([3, 1])).toBe('__proto__constructor')
  expect(({} as Part)['a']).toBeUndefined()
})

test('normalizers, as the tokenizers library has them', async () => {
  expect(await normalized(replace({ String: 'a' }, '$&$1'), 'abba')).toBe('$&$1bb$&$1')
  expect(await normalized(replace({ Regex: '\\s+' }, 'x'), 'a \u0085b\uFEFF')).toBe('axb\uFEFF')
  expect(await normalized({ type: 'Strip', strip_left: true, strip_right: true }, '\u0085 a b \u0085')).toBe(
    'a b',
  )
  expect(await normalized({ type: 'Strip', strip_left: false }, ' a \uFEFF ')).toBe(' a \uFEFF')
  expect(await normalized({ type: 'Prepend', prepend: 'x' }, 'ab')).toBe('xab')
  expect(await normalized({ type: 'Lowercase' }, 'ABé')).toBe('abé')
  const both = [{ type: 'NFD' }, { type: 'StripAccents' }, { type: 'NFC' }]
  expect(await normalized({ type: 'Sequence', normalizers: both }, 'aé')).toBe('ae')
})

test('tokens around a text', async () => {
  const template = {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: 'x', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: 'y' } },
    ],
    special_tokens: { x: { id: 'x', ids: [3, 3], tokens: [] }, y: { id: 'y', ids: [4], tokens: [] } },
  }
  const bert = { type: 'BertProcessing', cls: ['a', 0], sep: ['b', 1] }
  expect(await around(null)).toEqual([2])
  expect(await around(template)).toEqual([3, 3, 2, 4])
  expect(await around(bert)).toEqual([0, 2, 1])
  const sequence = { type: 'Sequence', processors: [{ type: 'ByteLevel' }, template, bert] }
  expect(await around(sequence)).toEqual([0, 3, 3, 1, 2, 1, 4, 1])
})

describe('what is refused', () => {
  const deep = { type: 'Sequence', normalizers: Array.from({ length: 40 }, () => ({ type: 'NFC' })) }
  const growing = {
    type: 'Sequence',
    normalizers: Array.from({ length: 20 }, () => replace({ String: 'a' }, 'aaaa')),
  }

  test.each<[path: (string | number)[], value: unknown, message: RegExp]>([
    [['model'], null, /\[some\.json: model\]/],
    [['model', 'type'], 'Unigram', /model\] this model of tokens is not read; expected BPE, found Unigram/],
    [['model', 'vocab'], [1], /model\.vocab\]/],
    [['model', 'vocab'], {}, /vocabulary is empty/],
    [['model', 'vocab', 'a'], '0', /model\.vocab\.a\]/],
    [['model', 'vocab', 'a'], -1, /model\.vocab\.a\]/],
    [['model', 'vocab', 'a'], 0.5, /model\.vocab\.a\]/],
    [['model', 'vocab', 'a'], 2 ** 31, /model\.vocab\.a\]/],
    [['model', 'vocab', 'a'], 1, /two tokens have the same id/],
    [['model', 'merges'], { length: 1e9 }, /merges\] not a list/],
    [['model', 'merges', 0], ['a'], /merges\.0\] not a pair.*\["a"\]/],
    [['model', 'merges', 0], 'a b c', /merges\.0\] not a pair/],
    [['model', 'merges', 0], ['b', 'a'], /merges\.0\].*found ba/],
    [['model', 'unk_token'], 'x', /unknown token is no token; found x/],
    [['model', 'dropout'], 0.1, /model\.dropout\]/],
    [['added_tokens'], 7, /added_tokens\]/],
    [['added_tokens', 0, 'id'], 1e9, /added_tokens\.0\.id\]/],
    [
      ['normalizer'],
      { type: 'Precompiled', precompiled_charsmap: '' },
      /normalizer\] this normalizer is not read/,
    ],
    [['normalizer'], deep, /normalizer.*too many steps/],
    [['normalizer'], growing, /too long/],
    [
      ['normalizer'],
      { type: 'Replace', pattern: { Regex: '(' }, content: '' },
      /normalizer\.pattern\] a parenthesis is not closed/,
    ],
    [
      ['post_processor'],
      { type: 'BertProcessing', cls: ['x', 9], sep: ['b', 1] },
      /post_processor\] an id has no token; found 9/,
    ],
    [
      ['post_processor'],
      { type: 'TemplateProcessing', single: [], special_tokens: {} },
      /the text once.*0 times/,
    ],
  ])('%j: %j', async (path, value, message) => {
    await expect(open(change(path, value))).rejects.toThrow(message)
    await expect(open(change(path, value))).rejects.toThrow(CheckpointError)
  })

  test.each(['', '[]', '7', '{"model": {', '['.repeat(1000)])('%j', async (json) => {
    await expect(openTokenizer(json)).rejects.toThrow(CheckpointError)
    await expect(openTokenizer(json)).rejects.toThrow(/tokenizer\.json/)
  })

  test.each<[chatTemplate: string, message: RegExp | string]>([
    ['"plain {{ pad_token }}{{ bos_token }}"', 'plain <pad>'],
    ['[{"name": "default", "template": "of a list"}]', 'of a list'],
    ['{"default": "of an object", "rag": "x"}', 'of an object'],
    ['[{"name": "tool_use", "template": ""}]', /of this name; expected tool_use, found default/],
    ['{"rag": "x", "tool_use": "y"}', /of this name; expected rag, tool_use, found default/],
    ['7', /chat_template\] the tokenizer has no chat template that can be read; found neither text/],
    ['[7]', /no chat template that can be read/],
    ['"{% if %}"', /the chat template fails; found line 1/],
    ['null', /the tokenizer has no chat template\./],
  ])('a template stops nothing but chat: %s', async (template, expected) => {
    const config = `{"pad_token": "<pad>", "chat_template": ${template}}`
    const tokenizer = await open(small(), { config })
    expect(tokenizer.decode(tokenizer.encode('a'))).toBe('a')
    if (typeof expected === 'string') expect(tokenizer.chat([])).toBe(expected)
    else expect(() => tokenizer.chat([])).toThrow(expected)
  })

  test.each<[files: TokenizerFiles, message: RegExp]>([
    [{ config: '{' }, /tokenizer_config\.json/],
    [{ config: '{"bos_token": 7}' }, /tokenizer_config\.json: bos_token\] not a token/],
    [{ generation: '{"eos_token_id": [1.5]}' }, /generation_config\.json: eos_token_id\].*1\.5/],
  ])('%j', async (files, message) => {
    await expect(open(small(), files)).rejects.toThrow(message)
    await expect(open(small(), files)).rejects.toThrow(ConfigError)
  })
})
