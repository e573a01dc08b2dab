import { expect, test } from 'vitest'
import { DeviceError, StateError } from '../../errors.ts'
import { Random } from '../../tensor/random.ts'
import { LinearMemory, WasmArena, type WasmStorage } from './arena.ts'
import { FreeList } from './free-list.ts'

const arenaOf = (maximumBytes = 2 ** 32): WasmArena => new WasmArena(new LinearMemory(maximumBytes, () => {}))

/** A step that takes and drops memory in an odd order; gives the addresses it got. */
function step(arena: WasmArena): number[] {
  const random = new Random(5)
  const live: WasmStorage[] = []
  const addresses: number[] = []
  for (let i = 0; i < 300; i++) {
    if (live.length > 0 && random.uniform(0, 1) < 0.4)
      live.splice(random.integer(live.length), 1)[0].release()
    const storage = arena.allocate(1 + random.integer(100_000))
    live.push(storage)
    addresses.push(storage.address)
  }
  for (const storage of live) storage.release()
  return addresses
}

test('free ranges join with both neighbours', () => {
  const free = new FreeList()
  for (const start of [0, 200, 100, 400, 300]) free.give(start, 100)
  expect(free.take(500)).toBe(0)
  expect(free.take(1)).toBeUndefined()
})

test('the best fit is taken, the lowest of equals', () => {
  const free = new FreeList()
  for (const [start, size] of [
    [0, 300],
    [1000, 100],
    [2000, 200],
    [3000, 100],
  ] as const)
    free.give(start, size)
  expect([100, 100, 150, 50, 300].map((size) => free.take(size))).toEqual([1000, 3000, 2000, 2150, 0])
})

test('the same requests get the same places, and memory is flat from step 2 to step 200', () => {
  const arena = arenaOf()
  step(arena)
  const second = step(arena)
  const { reservedBytes, peakBytes } = arena
  for (let i = 3; i <= 200; i++) expect(step(arena)).toEqual(second)
  expect(arena).toMatchObject({ reservedBytes, peakBytes, usedBytes: 0 })
  expect(step(arenaOf())).toEqual(step(arenaOf()))
})

test('storages do not overlap, and lie at cache lines', () => {
  const arena = arenaOf()
  const storages = [1, 16, 17, 100_000, 3, 0, 2 ** 20].map((size) => arena.allocate(size))
  storages.push(arena.allocate(33, 'f16'), arena.allocate(32, 'f16'), arena.allocate(16, 'u32'))
  const ranges = storages
    .map(({ address, bytes }) => [address, address + bytes] as const)
    .toSorted(([a], [b]) => a - b)
  for (const [i, [start]] of ranges.entries()) {
    expect(start % 64).toBe(0)
    if (i > 0) expect(start).toBeGreaterThanOrEqual(ranges[i - 1][1])
  }
  expect(arena.usedBytes).toBe(64 + 64 + 128 + 400_000 + 64 + 64 + 2 ** 22 + 128 + 64 + 64)
  expect(arena.reservedBytes).toBeGreaterThanOrEqual(arena.usedBytes)
})

test('a destroyed arena gives its memory to others, and its storages are dead', () => {
  const memory = new LinearMemory(2 ** 24, () => {})
  for (let i = 0; i < 50; i++) {
    const arena = new WasmArena(memory)
    const storage = arena.allocate(3 * 2 ** 20)
    arena.destroy()
    expect(() => storage.address).toThrow(StateError)
    expect(() => arena.allocate(1)).toThrow(StateError)
    storage.release()
    expect(arena.reservedBytes).toBe(0)
  }
})

test('too little memory is an error that says so, and less can still be had', () => {
  const arena = arenaOf(2 ** 22)
  expect(() => arena.allocate(2 ** 20)).toThrow(DeviceError)
  expect(() => arena.allocate(2 ** 20)).toThrow(/out of memory.*4\.0 MiB.*webgpu/)
  arena.allocate(1000).release()
  const refused = new WasmArena(
    new LinearMemory(2 ** 32, () => {
      throw new RangeError('no')
    }),
  )
  expect(() => refused.allocate(1)).toThrow(DeviceError)
})
