/** Made patterns, tokenizers and texts, against what the Python library made of them. */
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../test/files.ts'
import { openFolder } from '../checkpoints/files.ts'
import { CheckpointError } from '../errors.ts'
import { openTokenizer, readTokenizer } from './definition/hugging-face.ts'
import { openPattern } from './pattern/pattern.ts'
import type { Tokenizer } from './tokenizer.ts'

type Encoding = readonly [
  text: string,
  ids: readonly number[],
  special: readonly number[],
  decoded: string,
  plain: string,
]

interface Definition {
  readonly model: { readonly vocab: readonly string[] }
}

type Line =
  | { readonly pattern: string; readonly texts: readonly [text: string, pieces: readonly string[]][] }
  | { readonly tokenizer: Definition; readonly texts: readonly Encoding[] }

const vectors = new URL('../../test/fixtures/tokenizer/made/vectors.jsonl.gz', import.meta.url)
const lines = gunzipSync(await readFile(vectors))
  .toString('utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Line)

function pieces(text: string, pattern: ReturnType<typeof openPattern>): string[] {
  const cuts: number[] = [0]
  pattern.each(text, (begin, end) => cuts.push(begin, end))
  return [...cuts, text.length].flatMap((cut, i, all) =>
    i > 0 && cut > all[i - 1] ? [text.slice(all[i - 1], cut)] : [],
  )
}

/** What is not refused; what is, is refused by name. */
async function opened<Value>(open: () => Value | Promise<Value>): Promise<Value | undefined> {
  try {
    return await open()
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError)
    return undefined
  }
}

const openMade = (made: Definition): Promise<Tokenizer> => {
  const vocab = Object.fromEntries(made.model.vocab.map((token, id) => [token, id]))
  return openTokenizer(JSON.stringify({ ...made, model: { ...made.model, vocab } }))
}

describe('as the Python library', () => {
  test('500 patterns split texts', async () => {
    let [same, refused] = [0, 0]
    for (const line of lines) {
      if (!('pattern' in line)) continue
      const pattern = await opened(() => openPattern(line.pattern, 'pattern'))
      if (!pattern) refused++
      for (const [text, want] of pattern ? line.texts : []) {
        expect(pieces(text, pattern!), JSON.stringify([line.pattern, text])).toEqual(want)
        same++
      }
    }
    expect({ same, refused }).toEqual({ same: 3832, refused: 21 })
  })

  test('300 tokenizers encode and decode', async () => {
    let [same, refused] = [0, 0]
    for (const line of lines) {
      if (!('tokenizer' in line)) continue
      const tokenizer = await opened(() => openMade(line.tokenizer))
      if (!tokenizer) refused++
      for (const [text, ids, special, decoded, plain] of tokenizer ? line.texts : []) {
        const { model: _, ...around } = line.tokenizer
        const got = [
          tokenizer!.encode(text),
          tokenizer!.encode(text, { special: true }),
          tokenizer!.decode(special, { special: true }),
          tokenizer!.decode(special),
        ]
        expect(got, JSON.stringify([around, text])).toEqual([ids, special, decoded, plain])
        same++
      }
    }
    expect({ same, refused }).toEqual({ same: 2395, refused: 0 })
  })
})

describe('what people met', async () => {
  interface Case {
    readonly name: string
    readonly files: Readonly<Record<string, unknown>>
    readonly texts: readonly [text: string, ids: readonly number[]][]
  }
  const bytes = new TextEncoder()
  const cases = JSON.parse(
    new TextDecoder().decode(await readTestFile('test/fixtures/tokenizer/cases.json')),
  ) as Case[]

  const open = async (name: string): Promise<{ tokenizer: Tokenizer; texts: Case['texts'] }> => {
    const { files, texts } = cases.find((each) => each.name === name)!
    const entries = Object.entries(files).map(([path, value]) => [path, bytes.encode(JSON.stringify(value))])
    const folder = await openFolder(new Map(entries as [string, Uint8Array<ArrayBuffer>][]))
    return { tokenizer: (await readTokenizer(folder, () => {}))!, texts }
  }

  test.each([
    ['tok-fuse', 'unknown letters join within a word only'],
    ['tok-gap', 'a letter without a token is left out before merging'],
    ['tok-possessive', 'a possessive repeat gives nothing back'],
    ['tok-strip', 'white space is what Unicode says'],
    ['single-word', 'tokens that must be words'],
    ['bos-not-in-vocabulary', 'a first token that the vocabulary lacks'],
  ])('%s: %s', async (name) => {
    const { tokenizer, texts } = await open(name)
    expect(texts.length).toBeGreaterThan(0)
    expect(texts.map(([text]) => [text, tokenizer.encode(text)])).toEqual(texts)
  })

  test('append-prefix: pieces of a text are the text', async () => {
    const { tokenizer } = await open('append-prefix')
    const ids: number[] = []
    for (const piece of ['ab', ',a', 'b']) ids.push(...tokenizer.encode(piece, { after: ids.at(-1) }))
    expect(tokenizer.decode(ids)).toBe('ab,ab')
  })

  test('special-map: tokens that special_tokens_map.json names', async () => {
    const { tokenizer } = await open('special-map')
    const prompt = tokenizer.chat([{ role: 'user', content: 'ab' }])
    expect([tokenizer.begin, tokenizer.end, prompt]).toEqual([12, [13], '<s>ab'])
  })
})
