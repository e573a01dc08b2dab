import { describe, expect, test } from 'vitest'
import { DeviceError } from '../../errors.ts'
import { classOf, WebGpuArena, type PooledBuffer, type WebGpuStorage } from './arena.ts'

function arenaOf(maxBytes = 2 ** 30): WebGpuArena {
  let id = 0
  return new WebGpuArena({
    maxBytes,
    createBuffer: (bytes): PooledBuffer => ({ id: id++, bytes, gpu: {} as GPUBuffer, destroyed: false }),
    destroyBuffers(buffers) {
      for (const buffer of buffers) buffer.destroyed = true
    },
  })
}

const idOf = (storage: unknown): number => (storage as WebGpuStorage).buffer.id

describe('size classes', () => {
  test('waste at most an eighth', () => {
    for (let bytes = 4; bytes < 1e9; bytes = Math.ceil(bytes * 1.01)) {
      expect(classOf(bytes)).toBeGreaterThanOrEqual(bytes)
      if (bytes > 2048) expect(classOf(bytes)).toBeLessThanOrEqual(1.125 * bytes)
    }
  })

  test('are their own class', () => {
    for (let bytes = 4; bytes < 1e9; bytes *= 3) expect(classOf(classOf(bytes))).toBe(classOf(bytes))
  })
})

test('the same requests get the same buffers, whatever the order of the releases', () => {
  const arena = arenaOf()
  const step = (order: readonly number[]): number[] => {
    const storages = [1000, 1000, 5000, 1000, 0, 5000].map((size) => arena.allocate(size))
    for (const i of order) storages[i].release()
    return storages.map(idOf)
  }
  const first = step([0, 1, 2, 3, 4, 5])
  expect(step([3, 0, 5, 1, 4, 2])).toEqual(first)
  expect(step([5, 4, 3, 2, 1, 0])).toEqual(first)
  expect(new Set(first).size).toBe(6)
})

test('memory is counted', () => {
  const arena = arenaOf()
  const [a, b] = [arena.allocate(1024), arena.allocate(1024)]
  expect(arena.usedBytes).toBe(8192)
  a.release()
  expect([arena.usedBytes, arena.peakBytes, arena.reservedBytes]).toEqual([4096, 8192, 8192])
  arena.trim()
  arena.resetPeak()
  expect([arena.usedBytes, arena.peakBytes, arena.reservedBytes]).toEqual([4096, 4096, 4096])
  const half = arena.allocate(1024, 'f16')
  expect([half.bytes, arena.usedBytes]).toEqual([2048, 6144])
  arena.destroy()
  b.release()
  expect([arena.usedBytes, arena.reservedBytes]).toEqual([0, 0])
})

test('a tensor beyond the limits of the adapter is refused', () => {
  const arena = arenaOf(1000)
  expect(() => arena.allocate(251)).toThrow(DeviceError)
  expect(() => arena.allocate(251)).toThrow(/at most 1000 bytes.*found 1004 bytes/)
  expect((arena.allocate(250) as WebGpuStorage).buffer.bytes).toBe(1000)
})
