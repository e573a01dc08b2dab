import { describe, expect, test } from 'vitest'
import { openDevice } from '../../ops/open-device.ts'
import { tensor } from '../../tensor/tensor.ts'
import { History, PIECE } from './history.ts'
import { SPACING, Snapshots } from './snapshots.ts'

/** Feeds all that waits; gives the sizes of the pieces. */
function feed(history: History, from: number): number[] {
  const sizes: number[] = []
  for (let fed = from; fed < history.length; fed += sizes.at(-1)!) sizes.push(history.next(fed))
  return sizes
}

function push(history: History, count: number, token = 1): void {
  for (let i = 0; i < count; i++) history.push(token)
}

describe('history', () => {
  test('is fed in pieces, and again in the same ones', () => {
    const history = new History()
    push(history, PIECE + 100)
    expect(feed(history, 0)).toEqual([PIECE, 100])
    push(history, 1)
    expect(feed(history, PIECE + 100)).toEqual([1])
    push(history, 1)
    expect(feed(history, PIECE + 101)).toEqual([1])
    history.cut(PIECE + 50)
    push(history, 52)
    expect(feed(history, 0)).toEqual([PIECE, 100, 1, 1])
    expect(history.pieces(history.length)).toEqual([
      { start: 0, size: PIECE },
      { start: PIECE, size: 100 },
    ])
  })

  test('a piece that is cut is fed as far as it is there', () => {
    const history = new History()
    push(history, 100)
    feed(history, 0)
    history.cut(70)
    expect(feed(history, 0)).toEqual([70])
    push(history, 30)
    expect(feed(history, 70)).toEqual([30])
  })

  test('other tokens than before are fed together', () => {
    const history = new History()
    push(history, 10)
    feed(history, 0)
    for (let i = 0; i < 20; i++) {
      push(history, 1)
      feed(history, 10 + i)
    }
    history.cut(12)
    push(history, 3)
    push(history, 15, 2)
    expect(feed(history, 0)).toEqual([10, 1, 1, 1, 1, 1, 15])
  })

  test('forgets what is before its base', () => {
    const history = new History()
    push(history, 5)
    push(history, 5, 2)
    feed(history, 0)
    history.trim(4)
    expect([history.base, history.length, history.slice()]).toEqual([4, 10, [1, 2, 2, 2, 2, 2]])
    expect(history.pieces(10)).toEqual([])
  })
})

describe('snapshots', () => {
  test('lie close at the end and sparse before: going back by n feeds no more than 2 n again', async () => {
    const device = await openDevice('reference')
    const x = tensor(device, [0])
    const used = device.heap.usedBytes
    const snapshots = new Snapshots(8)
    for (let end = 1; end <= 20_000; end++) {
      if (!snapshots.due(end)) continue
      x.write(Float32Array.of(end))
      snapshots.take(end, new Map([['x', x]]))
      for (let n = 1; n <= end; n += 997) {
        const position = snapshots.restore(end - n, new Map([['x', x]])) ?? 0
        expect(end - n - position).toBeLessThanOrEqual(Math.max(2 * SPACING, 2 * n))
      }
    }
    expect(snapshots.bytes).toBe(10 * 4)
    snapshots.cut(16_000)
    expect(snapshots.restore(19_000, new Map([['x', x]]))).toBeLessThanOrEqual(16_000)
    snapshots.dispose()
    expect(device.heap.usedBytes).toBe(used)
  })
})
