import { expect, test } from 'vitest'
import { shown, shownText } from './terminal.ts'

test('a line of ours shows what stands in a name and obeys nothing of it', () => {
  expect(shown('\u001b]0;pwned\u0007\u001b[2Jx')).toBe('\\u001b]0;pwned\\u0007\\u001b[2Jx')
  expect(shown('a\nb\u009b31m\u007f\u202e\ud800\u2028')).toBe(
    'a\\u000ab\\u009b31m\\u007f\\u202e\\ud800\\u2028',
  )
  expect(shown('größe 漢字 😀')).toBe('größe 漢字 😀')
})

test('JSON is the same JSON afterwards', () => {
  const value = { 'a\u0007b': 'c\u202ed\u009b\u{e0001}' }
  expect(shown(JSON.stringify(value))).toMatch(/^[\u0020-\u007e]+$/)
  expect(JSON.parse(shown(JSON.stringify(value)))).toEqual(value)
})

test('text keeps its lines, and the joiners of its letters', () => {
  const text = 'a\tb\r\nc\n👩\u200d💻 \u05d0\u200f'
  expect(shownText(text)).toBe(text)
  expect(shownText('\u001b[2J\rb\u0085\u202e')).toBe('\\u001b[2J\\u000db\\u0085\\u202e')
})
