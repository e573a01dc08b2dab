/**
 * The tokenizer of GPT-NeoX, which the checkpoints of state-spaces use. Its files lie beside the repository,
 * if at all.
 */
import { readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { openTokenizer } from './definition/hugging-face.ts'
import type { Tokenizer } from './tokenizer.ts'

const folder = new URL('../../../shared/data/tokenizer/', import.meta.url)
const definition = new URL('gpt-neox-20b.tokenizer.json.gz', folder)
const vectors = new URL('gpt-neox-20b.vectors.json', folder)

describe.skipIf(!existsSync(definition) || !existsSync(vectors))('gpt-neox-20b', () => {
  let tokenizer: Tokenizer
  let cases: { readonly text: string; readonly ids: number[] }[]

  beforeAll(async () => {
    tokenizer = await openTokenizer(gunzipSync(await readFile(definition)).toString('utf8'))
    cases = JSON.parse(await readFile(vectors, 'utf8')) as typeof cases
  })

  test('texts to ids', () => {
    expect(tokenizer.size).toBe(50_277)
    expect(cases.length).toBeGreaterThan(40)
    expect(cases.map(({ text }) => tokenizer.encode(text))).toEqual(cases.map(({ ids }) => ids))
  })

  test('ids to texts, at once and one by one', () => {
    const streamed = cases.map(({ ids }) => {
      const stream = tokenizer.stream()
      return ids.map((id) => stream.push(id)).join('') + stream.finish()
    })
    expect(cases.map(({ ids }) => tokenizer.decode(ids))).toEqual(cases.map(({ text }) => text))
    expect(streamed).toEqual(cases.map(({ text }) => text))
  })
})
