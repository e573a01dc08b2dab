import { expect, test, vi } from 'vitest'
import { givingTurns } from './turn.ts'

test('pieces come with their result, and what makes them is ended with them', async () => {
  const closed = vi.fn<() => void>()
  function* pieces(): Generator<number, string, void> {
    try {
      yield 1
      yield 2
      return 'header'
    } finally {
      closed()
    }
  }
  const whole = givingTurns(pieces())
  expect([await whole.next(), await whole.next(), await whole.next()]).toEqual([
    { done: false, value: 1 },
    { done: false, value: 2 },
    { done: true, value: 'header' },
  ])
  expect(closed).toHaveBeenCalledTimes(1)
  const abort = new AbortController()
  const ended = givingTurns(pieces(), abort.signal)
  await ended.next()
  abort.abort()
  await expect(ended.next()).rejects.toBe(abort.signal.reason)
  expect(closed).toHaveBeenCalledTimes(2)
})
