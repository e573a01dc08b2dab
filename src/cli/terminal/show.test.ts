import { expect, test } from 'vitest'
import { bytes, duration, quoted, short } from './show.ts'

test('numbers as people read them', () => {
  expect([0, 7, 999, 1234, 1234567, 2.5e9].map(short)).toEqual([
    '0',
    '7',
    '999',
    '1.23 k',
    '1.23 M',
    '2.50 G',
  ])
  expect([12, 1220710].map(bytes)).toEqual(['12 bytes', '1.22 MB'])
  expect([0.4, 7, 754, 3723].map(duration)).toEqual(['0:00', '0:07', '12:34', '1:02:03'])
})

test('words for a shell', () => {
  expect(quoted('runs/book-1')).toBe('runs/book-1')
  expect(quoted("my father's book")).toBe(`'my father'\\''s book'`)
})
