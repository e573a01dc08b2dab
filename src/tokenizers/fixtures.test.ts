import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../test/files.ts'
import { openTokenizer } from './definition/hugging-face.ts'
import type { Tokenizer } from './tokenizer.ts'

interface Case {
  readonly text: string
  readonly ids: readonly number[]
  readonly ids_with_special: readonly number[]
  readonly decoded: string
  readonly decoded_skip_special: string
}

interface Cases {
  readonly vocab_size: number
  readonly cases: readonly Case[]
  readonly decode_cases: readonly Omit<Case, 'text' | 'ids_with_special'>[]
  readonly stream: {
    readonly cases: readonly { ids: readonly number[]; prefix_decodes: readonly string[] }[]
  }
}

const textFile = async (path: string): Promise<string> => new TextDecoder().decode(await readTestFile(path))

async function load(name: string): Promise<{ tokenizer: Tokenizer; cases: Cases }> {
  const folder = `test/fixtures/tokenizer/${name}`
  const config = await textFile(`${folder}/tokenizer_config.json`)
  const tokenizer = await openTokenizer(await textFile(`${folder}/tokenizer.json`), { config })
  return { tokenizer, cases: JSON.parse(await textFile(`${folder}/cases.json`)) as Cases }
}

describe.each(['neox', 'llama3', 'sentencepiece'])('%s', (name) => {
  test('encodes as the tokenizers library does', async () => {
    const { tokenizer, cases } = await load(name)
    expect(tokenizer.size).toBe(cases.vocab_size)
    const got = cases.cases.map(({ text }) => [
      tokenizer.encode(text),
      tokenizer.encode(text, { special: true }),
    ])
    expect(got).toEqual(cases.cases.map((each) => [each.ids, each.ids_with_special]))
  })

  test('decodes as it does, also what is no UTF-8', async () => {
    const { tokenizer, cases } = await load(name)
    const all = [...cases.cases, ...cases.decode_cases]
    expect(all.length).toBeGreaterThan(170)
    const got = all.map(({ ids }) => [tokenizer.decode(ids, { special: true }), tokenizer.decode(ids)])
    expect(got).toEqual(all.map((each) => [each.decoded, each.decoded_skip_special]))
  })

  test('every prefix', async () => {
    const { tokenizer, cases } = await load(name)
    for (const { ids, prefix_decodes } of cases.stream.cases) {
      const got = ids.map((_, i) => tokenizer.decode(ids.slice(0, i + 1)))
      expect(got).toEqual(prefix_decodes)
    }
  })

  test('streams: what has come is the beginning of every text that may follow', async () => {
    const { tokenizer, cases } = await load(name)
    const all = [...cases.cases, ...cases.decode_cases, ...cases.stream.cases]
    for (const { ids } of all) {
      const stream = tokenizer.stream()
      let text = ''
      for (const id of ids) {
        text += stream.push(id)
        expect(text).not.toMatch(/\p{Surrogate}/u)
      }
      expect(text + stream.finish()).toBe(tokenizer.decode(ids))
    }
  })

  test('streams: pending ids bring a new stream to the same place, anywhere', async () => {
    const { tokenizer, cases } = await load(name)
    for (const { ids } of [...cases.decode_cases, ...cases.cases, ...cases.stream.cases]) {
      const stream = tokenizer.stream()
      for (const [i, id] of ids.entries()) {
        stream.push(id)
        const [before, again] = [tokenizer.stream(), tokenizer.stream()]
        for (const each of ids.slice(0, i + 1)) before.push(each)
        for (const each of stream.pending) again.push(each)
        const rest = ids.slice(i + 1)
        const want = [...rest.map((each) => before.push(each)), before.finish()]
        expect([...rest.map((each) => again.push(each)), again.finish()]).toEqual(want)
      }
    }
  })
})
