import { expect, test } from 'vitest'
import { jsonPieces } from './json-pieces.ts'

test('together they are what JSON.stringify gives', () => {
  const vocab = { a: 0, '10': 1, '9': 2, '01': 3, '4294967294': 4, '4294967295': 5, 'é"\\\n\ud800': 6, '': 7 }
  const keys = ['a', '01', '10', '4294967295', '9', 'é"\\\n\ud800', '4294967294', ''] as const
  const map = new Map(keys.map((key) => [key, vocab[key]]))
  const rest = { none: null, list: [[], ['a b', 1.5, true], {}], text: '\u2028' }
  const inOrder = Object.fromEntries(map)
  expect([...jsonPieces({ ...rest, vocab: map })].join('')).toBe(JSON.stringify({ ...rest, vocab: inOrder }))
  expect([...jsonPieces(new Map())].join('')).toBe('{}')
})
