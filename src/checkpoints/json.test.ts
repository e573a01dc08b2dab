import { describe, expect, test } from 'vitest'
import { parseJson, showPosition } from './json.ts'

const parse = (text: string): unknown =>
  parseJson(text, {
    fail: (rule, offset) => {
      throw new Error(`${rule} at ${offset}`)
    },
  })

describe('values are those of JSON.parse', () => {
  test.each([
    '[0, -0, 7, 12345678901234567890, 1.5, -2e3, 0.1, 9007199254740993, 1E+2]',
    '{"a": {"b": [true, false, null]}, "": [[], {}]}',
    '"\\u00e9\\n\\\\\\" \\ud83d\\ude00 é"',
    ' \t\r\n [1 , 2 ] ',
    '{"__proto__": 1, "constructor": 2}',
  ])('%s', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text))
  })

  test.each([
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    '[1,]',
    '{"a":1,}',
    '"\\x"',
    '"\\u12g4"',
    '"a',
    'nul',
    '[1 2]',
    '-',
    '',
  ])('%s is none', (text) => {
    expect(() => parse(text)).toThrow(/ at \d+$/)
  })
})

describe('what a text can ask for is bounded', () => {
  test('empty objects take more memory than they may', () => {
    expect(() => parse(`[${'{},'.repeat(1.8e6)}{}]`)).toThrow(/far more memory/)
  })

  test('a string of escapes takes time in proportion', () => {
    const began = performance.now()
    expect(parse(`"${'\\n'.repeat(1e6)}"`)).toHaveLength(1e6)
    expect(performance.now() - began).toBeLessThan(3000)
  })

  test('a position behind very many lines is found without them', () => {
    expect(showPosition(`{${'\n'.repeat(2e6)}`, 2e6 + 1)).toBe('line 2000001, column 1')
    expect(showPosition('ab\ncd', 4)).toBe('line 2, column 2')
    expect(showPosition('ab', 2)).toBe('line 1, column 3')
  })
})
