import { describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import type { Batches } from './batch.ts'
import {
  carriedStreams,
  packedDocuments,
  randomWindows,
  type TokenBatch,
  type BatchOptions,
  type Corpus,
} from './batches.ts'

const corpus: Corpus = { tokens: Array.from({ length: 100 }, (_, i) => i), starts: [0, 10, 11, 60] }
const KINDS: Record<string, (corpus: Corpus, options: BatchOptions) => Batches<TokenBatch>> = {
  randomWindows,
  carriedStreams,
  packedDocuments,
}

describe.each(Object.entries(KINDS))('%s', (_, make) => {
  test('is the same again with the same seed', () => {
    const [a, b] = [
      make(corpus, { batch: 3, length: 8, seed: 5 }),
      make(corpus, { batch: 3, length: 8, seed: 5 }),
    ]
    for (let i = 0; i < 20; i++) expect(a.next()).toEqual(b.next())
  })

  test('goes on from a saved position, through JSON', () => {
    const a = make(corpus, { batch: 2, length: 8, seed: 5 })
    for (let i = 0; i < 7; i++) a.next()
    const saved = JSON.stringify(a.save())
    const want = Array.from({ length: 9 }, () => a.next())
    const b = make(corpus, { batch: 2, length: 8, seed: 99 })
    b.restore(JSON.parse(saved))
    expect(Array.from({ length: 9 }, () => b.next())).toEqual(want)
  })

  test('labels are what follows, or do not count', () => {
    const batches = make(corpus, { batch: 4, length: 16, seed: 2 })
    for (let i = 0; i < 50; i++) {
      const { tokens, labels } = batches.next()
      for (const [at, token] of tokens.entries()) expect([token + 1, -100]).toContain(labels[at])
    }
  })

  test('refuses too little data', () => {
    expect(() => make({ tokens: [1], starts: [0] }, { batch: 1, length: 8 })).toThrow(ConfigError)
  })
})

test('random windows reach every place', () => {
  const batches = randomWindows(corpus, { batch: 8, length: 4, seed: 1 })
  const firsts = new Set<number>()
  for (let i = 0; i < 400; i++) {
    const { tokens } = batches.next()
    for (let row = 0; row < 8; row++) firsts.add(tokens[row * 4])
  }
  expect([...firsts].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 96 }, (_, i) => i))
})

test('carried rows continue, and begin anew at documents', () => {
  const batches = carriedStreams(corpus, { batch: 2, length: 8 })
  let last = [-1, 49]
  for (let i = 0; i < 30; i++) {
    const { tokens, labels, reset } = batches.next()
    for (let row = 0; row < 2; row++) {
      for (let t = 0; t < 8; t++) {
        const at = row * 8 + t
        expect(tokens[at]).toBe((last[row] + 1) % 100)
        const starts = corpus.starts.includes(tokens[at])
        expect(reset![at]).toBe(starts ? 1 : 0)
        expect(labels[at] === -100).toBe(corpus.starts.includes((tokens[at] + 1) % 100))
        last = last.with(row, tokens[at])
      }
    }
  }
})

test('packed rows begin anew with each document, cut long ones into pieces, and use all of them', () => {
  const batches = packedDocuments(corpus, { batch: 4, length: 16, seed: 3 })
  const predicted = new Set<number>()
  for (let i = 0; i < 100; i++) {
    const { tokens, labels, reset } = batches.next()
    for (const [at, token] of tokens.entries()) {
      if (labels[at] !== -100) predicted.add(labels[at])
      if (at % 16 === 0) expect(reset![at]).toBe(1)
      if (reset![at]) expect([0, 11, 27, 43, 60, 76, 92]).toContain(token)
      else expect(token).toBe(tokens[at - 1] + 1)
      const documentEnds = corpus.starts.includes(token + 1) || token === 99
      expect(labels[at]).toBe(documentEnds ? -100 : token + 1)
    }
  }
  // All but the first of each document are predicted.
  expect([...predicted].toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 100 }, (_, i) => i).filter((token) => !corpus.starts.includes(token)),
  )
})
