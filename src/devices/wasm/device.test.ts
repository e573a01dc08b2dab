import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeviceError } from '../../errors.ts'
import { Random } from '../../tensor/random.ts'
import type { Device, Storage } from '../device.ts'
import { hostArray } from '../dtype.ts'
import { openWasm } from './device.ts'
import { openRemoteEngine } from './engine.ts'
import { chooseSimd, compileKernels } from './features.ts'
import { wasmLaunch, type WasmLaunch } from './launch.ts'
import { MEMORY_BEGIN } from './thread.ts'

const SQUARE = 11
const SILU = 1

function operand(storage: Storage, size = storage.size, offset = 0) {
  return { storage, offset, size, rowStride: size }
}

function activation(x: Storage, y: Storage, kind: number): WasmLaunch {
  return wasmLaunch('activation', { x: operand(x), y: operand(y), kind }, x.size)
}

const floats = (...values: number[]): Float32Array => Float32Array.from(values)

describe.each([1, 2, 3])('%i threads', (threads) => {
  let device: Device<WasmLaunch>

  beforeAll(async () => {
    device = await openWasm({ threads })
  })
  afterAll(() => device.destroy())

  test('the description says how it computes', () => {
    expect(device.description).toMatch(new RegExp(`^wasm: (relaxed )?SIMD( in pairs)?, ${threads} thread`))
  })

  test('launches, writes and reads happen in the order they were given', async () => {
    const x = device.heap.allocate(5)
    const y = device.heap.allocate(5)
    device.write(x, 0, floats(1, 2, 3, 4, 5))
    device.run([activation(x, y, SQUARE), activation(y, x, SQUARE)])
    const first = device.read(x, 0, 5)
    device.write(x, 1, floats(7))
    device.run([activation(x, y, SQUARE)])
    const second = device.read(y, 0, 5)
    expect(await first).toEqual(floats(1, 16, 81, 256, 625))
    expect(await second).toEqual(floats(1, 49, 81 ** 2, 256 ** 2, 625 ** 2))
    await device.synchronize()
  })

  test.each(['i32', 'u32', 'f32'] as const)('all bits of %s survive a write and a read', async (dtype) => {
    const bits = Int32Array.of(0x7fc12345, 0x7f812345, -1, 1)
    const x = device.heap.allocate(4, dtype)
    device.write(x, 0, hostArray(dtype, bits.buffer))
    const read = await device.read(x, 0, 4)
    expect(read).toBeInstanceOf(hostArray(dtype, bits.buffer).constructor)
    expect(new Int32Array(read.buffer)).toEqual(bits)
    expect(new Int32Array((await device.read(x, 1, 3)).buffer)).toEqual(bits.subarray(1))
  })

  test('halves are written and read at any element', async () => {
    const x = device.heap.allocate(5, 'f16')
    device.write(x, 0, Uint16Array.of(1, 2, 3, 4, 5))
    device.write(x, 1, Uint16Array.of(0x7c01, 0xffff))
    expect(await device.read(x, 0, 5)).toEqual(Uint16Array.of(1, 0x7c01, 0xffff, 4, 5))
    expect(await device.read(x, 3, 1)).toEqual(Uint16Array.of(4))
    expect(() => device.write(x, 0, floats(1))).toThrow(/expected Uint16Array for f16, found Float32Array/)
  })

  test('a recording is run again on what is in memory then', async () => {
    const x = device.heap.allocate(3)
    const y = device.heap.allocate(3)
    device.write(x, 0, floats(1, 2, 3))
    const list = device.record(() => {
      device.run([activation(x, y, SQUARE)])
      device.run([activation(y, x, SQUARE)])
      expect(() => device.write(x, 0, floats(0))).toThrow(DeviceError)
    })
    expect(list.length).toBe(2)
    expect(await device.read(x, 0, 3)).toEqual(floats(1, 16, 81))
    device.write(x, 0, floats(3, 2, 1))
    device.replay(list)
    expect(await device.read(x, 0, 3)).toEqual(floats(81, 16, 1))
    device.write(x, 0, floats(1, 1, 2))
    device.replay(list)
    device.replay(list)
    expect(await device.read(x, 0, 3)).toEqual(floats(1, 1, 65536))
  })

  test('lists longer than the place for launches run in parts', async () => {
    const x = device.heap.allocate(1)
    device.write(x, 0, floats(-1))
    const launches = Array.from({ length: 20_000 }, () => activation(x, x, SQUARE))
    const list = device.record(() => device.run(launches))
    device.replay(list)
    expect(list.length).toBe(20_000)
    expect(await device.read(x, 0, 1)).toEqual(floats(1))
  })

  test('memory grows while threads work on it', async () => {
    const arena = device.createArena()
    const half = 12 * 2 ** 20
    const x = arena.allocate(half)
    const y = arena.allocate(half)
    device.write(x, half - 2, floats(3, 4))
    device.run([activation(x, y, SQUARE)])
    expect(await device.read(y, half - 2, 2)).toEqual(floats(9, 16))
    arena.destroy()
  })

  test('wrong arguments are named', () => {
    const x = device.heap.allocate(1)
    const wrong = (args: object) => () => device.run([wasmLaunch('activation', args as never, 1)])
    expect(wrong({ x: operand(x), y: operand(x) })).toThrow(/activation: kind.*integer/)
    expect(wrong({ x: operand(x), y: operand(x), kind: 0.5 })).toThrow(/activation: kind.*0\.5/)
    expect(wrong({ x: 3, y: operand(x), kind: 0 })).toThrow(/activation: x.*tensor/)
  })
})

test('results have the same bits with 1, 2 and 3 threads', async () => {
  const random = new Random(1)
  const host = Float32Array.from({ length: 1031 }, () => random.normal(0, 3))
  const results = await Promise.all(
    [1, 2, 3].map(async (threads) => {
      const device = await openWasm({ threads })
      const x = device.heap.allocate(host.length)
      const y = device.heap.allocate(host.length)
      device.write(x, 0, host)
      device.run([activation(x, y, SILU), activation(y, x, SILU)])
      const result = await device.read(x, 0, host.length)
      device.destroy()
      return result
    }),
  )
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
})

test.each([
  { threads: 1, size: 1, who: 'the only thread' },
  { threads: 3, size: 100, who: 'all threads' },
  { threads: 2, size: 1, who: 'a worker' },
])(
  'a kernel that traps on $who is an error at the next read, and nothing hangs',
  async ({ threads, size }) => {
    const device = await openWasm({ threads })
    const x = device.heap.allocate(size)
    device.write(x, 0, new Float32Array(size))
    device.run([activation(x, x, SQUARE), activation(x, x, 99), activation(x, x, SQUARE)])
    await expect(device.synchronize()).rejects.toThrow(DeviceError)
    await expect(device.read(x, 0, 1)).rejects.toThrow(/wasm: activation\].*unreachable/)
    device.run([activation(x, x, SQUARE)])
    await expect(device.synchronize()).rejects.toThrow(DeviceError)
    device.destroy()
  },
)

test('more memory than there is is an error, and the device goes on', async () => {
  const device = await openWasm({ threads: 1 })
  expect(() => device.heap.allocate(2 ** 30)).toThrow(/out of memory/)
  const x = device.heap.allocate(1)
  device.write(x, 0, floats(5))
  expect(await device.read(x, 0, 1)).toEqual(floats(5))
  device.destroy()
})

test.each([1, 2])('a destroyed device with %i threads refuses work, and does not hang', async (threads) => {
  const device = await openWasm({ threads })
  const x = device.heap.allocate(2)
  const list = device.record(() => device.run([activation(x, x, SQUARE)]))
  device.destroy()
  expect(() => device.replay(list)).toThrow(/destroyed/)
  await expect(device.synchronize()).rejects.toThrow(/destroyed/)
})

test('an impossible number of threads is refused', async () => {
  await expect(openWasm({ threads: 0 })).rejects.toThrow(DeviceError)
  await expect(openWasm({ threads: 1.5 })).rejects.toThrow(DeviceError)
})

describe.each([
  { threads: 1, shared: false },
  { threads: 1, shared: true },
  { threads: 2, shared: true },
])('an engine in a worker: $threads threads, shared memory $shared', ({ threads, shared }) => {
  test('takes orders in sequence, grows, and gives errors', async () => {
    const { module } = await compileKernels(chooseSimd('auto'), false)
    const engine = await openRemoteEngine(module, threads, shared)
    const far = 2 ** 25
    engine.grow(far + 64)
    engine.write(MEMORY_BEGIN, floats(1, 2, 3))
    const words = (kind: number): Int32Array => Int32Array.of(6, ID, 3, MEMORY_BEGIN, far, kind)
    const { KERNELS } = await import('./generated/kernels.ts')
    const ID = KERNELS.activation.id
    engine.run([{ words: words(SQUARE), count: 1 }])
    expect(new Float32Array(await engine.read(far, 12))).toEqual(floats(1, 4, 9))
    await engine.synchronize()
    engine.run([{ words: words(99), count: 1 }])
    const [read, done] = await Promise.allSettled([engine.read(far, 12), engine.synchronize()])
    expect(read).toMatchObject({ status: 'rejected', reason: { where: 'wasm: activation' } })
    expect(done.status).toBe('rejected')
    engine.destroy()
    await expect(engine.synchronize()).rejects.toThrow(DeviceError)
  })
})
