import { expect, test } from 'vitest'
import { Tape, withTape } from '../../autograd/tape.ts'
import type { AnyDevice } from '../../devices/device.ts'
import { ConfigError, ShapeError } from '../../errors.ts'
import { openDevice } from '../../ops/open-device.ts'
import { Random } from '../../tensor/random.ts'
import { scope } from '../../tensor/scope.ts'
import { tensor, type Tensor } from '../../tensor/tensor.ts'
import { linear } from '../matmul/op.ts'
import { PACKED_FORMATS, packRows, unpackRows, type PackedFormat } from './format.ts'
import { PackedMatrix } from './matrix.ts'
import { embeddingBy, linearBy } from './weight.ts'

function normals(size: number, seed: number): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length: size }, () => random.normal())
}

/** The matrix, and its exact values. */
function matrix(
  device: AnyDevice,
  format: PackedFormat,
  N: number,
  K: number,
): { weight: PackedMatrix; values: Float32Array } {
  const panels = packRows(format, normals(N * K, 7), K)
  const weight = PackedMatrix.empty(device, format, [N, K])
  weight.writePanels(0, panels)
  return { weight, values: unpackRows(format, panels, N, K) }
}

test('a matrix is written in parts, read by rows, and given back', async () => {
  const device = await openDevice('reference')
  const panels = packRows('q8', normals(33 * 64, 1), 64)
  const values = unpackRows('q8', panels, 33, 64)
  const weight = scope(() => PackedMatrix.empty(device, 'q8', [33, 64]))
  const width = weight.words.width
  weight.writePanels(3, panels.subarray(3 * width))
  weight.writePanels(0, panels.subarray(0, 3 * width))
  expect(weight.bytes).toBe(5 * 2 * 272)
  expect(await weight.readRows(0, 33)).toEqual(values)
  expect(await weight.readRows(13, 9)).toEqual(values.subarray(13 * 64, 22 * 64))
  expect(await weight.readRows(32, 1)).toEqual(values.subarray(32 * 64))
  expect(() => weight.writePanels(4, panels.subarray(0, 2 * width))).toThrow(ShapeError)
  expect(() => weight.writePanels(0, panels.subarray(1))).toThrow(ShapeError)
  await expect(weight.readRows(30, 4)).rejects.toThrow(ShapeError)
  weight.dispose()
  expect(device.heap.usedBytes).toBe(0)
})

test('rows that hold no whole blocks, and inputs of other widths, are named', async () => {
  const device = await openDevice('reference')
  expect(() => PackedMatrix.empty(device, 'q4', [8, 48])).toThrow(ShapeError)
  const { weight } = matrix(device, 'q8', 9, 64)
  expect(() => linearBy(tensor(device, normals(32, 1)), weight)).toThrow('packedLinear: words')
  expect(() => linearBy(tensor(device, normals(64, 1)), weight, tensor(device, [1, 2]))).toThrow(
    'packedLinear: bias',
  )
})

test('a gradient is refused with the way out', async () => {
  const device = await openDevice('reference')
  const { weight } = matrix(device, 'f16', 9, 64)
  const x = tensor(device, normals(64, 1))
  const tape = new Tape()
  tape.watch(x)
  expect(() => withTape(tape, () => linearBy(x, weight))).toThrow(ConfigError)
  expect(() => withTape(tape, () => linearBy(x, weight))).toThrow("weights: 'f32'")
  expect(withTape(new Tape(), () => linearBy(x, weight)).shape).toEqual([9])
})

test('the same functions take f32 weights', async () => {
  const device = await openDevice('reference')
  const { weight, values } = matrix(device, 'q4', 9, 64)
  const plain = tensor(device, values, [9, 64])
  const x = tensor(device, normals(3 * 64, 2), [3, 64])
  expect(await linearBy(x, weight).read()).toEqual(await linearBy(x, plain).read())
  const tokens = tensor(device, [8, 0, 3], [3], 'i32')
  expect(await embeddingBy(tokens, weight).read()).toEqual(await embeddingBy(tokens, plain).read())
})

test('any number of threads gives the same bits', async () => {
  const results: Float32Array[][] = []
  for (const threads of [1, 2, 3]) {
    const device = await openDevice('wasm', { threads })
    const found: Float32Array[] = []
    for (const format of PACKED_FORMATS) {
      const { weight } = matrix(device, format, 203, 96)
      for (const M of [1, 3, 67]) {
        const y = linearBy(tensor(device, normals(M * 96, M), [M, 96]), weight)
        found.push((await y.read()) as Float32Array)
      }
    }
    results.push(found)
    device.destroy()
  }
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
})

test('many rows unpack a bounded part of the matrix at a time', async () => {
  const device = await openDevice('wasm', { threads: 2 })
  const [M, N, K] = [19, 2085, 1024]
  const x = tensor(device, normals(M * K, 3), [M, K])
  for (const format of PACKED_FORMATS) {
    const { weight, values } = matrix(device, format, N, K)
    device.arena.resetPeak()
    const packed = scope(() => linearBy(x, weight))
    expect(device.arena.peakBytes).toBeLessThan(4 * N * K * 0.75)
    const plain = tensor(device, values, [N, K])
    expect(await packed.read()).toEqual(await linear(x, plain).read())
    for (const each of [packed, plain, weight] as { dispose(): void }[]) each.dispose()
  }
  device.destroy()
})

test('activations that are not finite are not hidden, and very small ones are harmless', async () => {
  const device = await openDevice('wasm', { threads: 1 })
  const { weight } = matrix(device, 'q8', 9, 64)
  const y = async (change: (x: Float32Array) => void): Promise<Float32Array> => {
    const values = normals(64, 4)
    change(values)
    const x: Tensor = tensor(device, values)
    return (await linearBy(x, weight).read()) as Float32Array
  }
  for (const wild of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect((await y((x) => (x[40] = wild))).every(Number.isNaN)).toBe(true)
  }
  const tiny = await y((x) => x.fill(1e-38, 32))
  expect(tiny).toEqual(await y((x) => x.fill(0, 32)))
  device.destroy()
})
