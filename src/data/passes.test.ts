import { describe, expect, test } from 'vitest'
import { ConfigError, ShapeError } from '../errors.ts'
import { IGNORE, type Pass, type PassBatch } from './batch.ts'
import type { TokenBatch } from './batches.ts'
import { slidingWindows, stretches } from './passes.ts'

/** What each row has read when it predicts a token: `token ← its row's tokens since it began`. */
function predictions(pass: Pass<PassBatch<TokenBatch>>): string[] {
  const made: string[] = []
  const read: number[][] = Array.from({ length: pass.batch }, () => [])
  for (const { batch, past } of pass) {
    for (const [row, seen] of read.entries()) {
      if (past === 0) seen.length = 0
      expect(seen).toHaveLength(past)
      for (let i = 0; i < pass.length; i++) {
        const at = row * pass.length + i
        seen.push(batch.tokens[at])
        if (batch.labels[at] !== IGNORE) made.push(`${batch.labels[at]} ← ${seen.join(' ')}`)
      }
    }
  }
  return made
}

const text = (size: number): number[] => Array.from({ length: size }, (_, i) => i)
const first = (prediction: string): number => Number.parseInt(prediction, 10)

describe('stretches', () => {
  test.each([2, 3, 4, 17, 100, 101, 107])('of %i tokens: all but the first are predicted once', (size) => {
    for (const [batch, length] of [
      [1, 4],
      [3, 5],
      [8, 256],
    ]) {
      const made = predictions(stretches(text(size), { batch, length }))
      expect(made.map(first).toSorted((a, b) => a - b)).toEqual(text(size).slice(1))
      // Each is given all of its stretch before it.
      for (const prediction of made) {
        const given = prediction.split(' ← ')[1].split(' ').map(Number)
        expect(given.at(-1)).toBe(first(prediction) - 1)
        expect(given).toEqual(given.map((_, i) => given[0] + i))
      }
    }
  })

  test('a limit of windows takes the beginning of each stretch', () => {
    const made = predictions(stretches(text(100), { batch: 2, length: 10, windows: 2 }))
    expect(made.map(first).toSorted((a, b) => a - b)).toEqual([
      ...text(21).slice(1),
      ...text(21)
        .slice(1)
        .map((i) => i + 50),
    ])
  })

  test('one token foretells nothing', () => {
    expect(() => stretches([1])).toThrow(ConfigError)
    expect(() => stretches([1, 2.5, 3])).toThrow(ShapeError)
  })
})

describe('sliding windows', () => {
  test('overlapping: each token once, given its window; in pieces or whole', () => {
    for (const piece of [1, 3, 100]) {
      const made = predictions(slidingWindows(text(12), { window: 6, stride: 4, piece }))
      expect(made).toEqual([
        '1 ← 0',
        '2 ← 0 1',
        '3 ← 0 1 2',
        '4 ← 0 1 2 3',
        '5 ← 0 1 2 3 4',
        '6 ← 4 5',
        '7 ← 4 5 6',
        '8 ← 4 5 6 7',
        '9 ← 4 5 6 7 8',
        '10 ← 8 9',
        '11 ← 8 9 10',
      ])
    }
  })

  test('that only meet do not predict the first token of each', () => {
    expect(predictions(slidingWindows(text(7), { window: 3, stride: 3, piece: 8 }))).toEqual([
      '1 ← 0',
      '2 ← 0 1',
      '4 ← 3',
      '5 ← 3 4',
    ])
  })

  test('caches of attention have room for every position, padding included', () => {
    for (const piece of [1, 2, 3, 7]) {
      const pass = slidingWindows(text(20), { window: 8, stride: 8, piece })
      for (const { past } of pass) expect(past + pass.length).toBeLessThanOrEqual(pass.capacity)
    }
  })

  test.each([
    [[1], 4, 2],
    [text(9), 1, 1],
    [text(9), 4, 5],
    [text(9), 4, 0],
    [text(9), Number.NaN, 1],
    [text(9), 4, Number.NaN],
    [text(9), 4.5, 2],
    [text(9), 4, 1.5],
  ])('%j in windows of %d, %d apart: refused', (tokens, window, stride) => {
    expect(() => slidingWindows(tokens, { window, stride, piece: 8 })).toThrow(ConfigError)
  })
})
