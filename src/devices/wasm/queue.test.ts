import { expect, test } from 'vitest'
import { LaunchQueue } from './queue.ts'
import type { Launches } from './thread.ts'

/** Launches of two words each, of which the second is a number of its own. */
function launches(first: number, count: number): Launches {
  const numbers = Array.from({ length: count }, (_, i) => [2, first + i])
  return { words: Int32Array.from(numbers.flat()), count }
}

test('launches, writes and results keep their order, however they are cut into slices', async () => {
  const done: (number | string)[] = []
  let calls = 0
  let fired = false
  const queue = new LaunchQueue((lists) => {
    calls++
    for (const { words } of lists) for (let i = 1; i < words.length; i += 2) done.push(words[i])
    // As long as a kernel of 1 ms for every fourth list.
    for (const end = performance.now() + (calls % 4 ? 0 : 1); performance.now() < end;);
  })
  const expected: (number | string)[] = []
  let first = 0
  const results: Promise<number>[] = []
  setTimeout(() => (fired = true))
  for (let i = 0; i < 200; i++) {
    for (const count of [1, 7, 40]) {
      queue.launch([launches(first, count), launches(first + count, 2)])
      for (let k = 0; k < count + 2; k++) expected.push(first + k)
      first += count + 2
    }
    queue.after(() => done.push('write'))
    expected.push('write')
    const ran = first
    results.push(Promise.resolve(queue.resultOf(() => done.push('read') && ran)))
    expected.push('read')
    if (i % 3 === 0) await results.at(-1)
  }
  expect((await Promise.all(results)).at(-1)).toBe(first)
  expect(done).toEqual(expected)
  expect(queue.isEmpty).toBe(true)
  expect(fired).toBe(true)
})
