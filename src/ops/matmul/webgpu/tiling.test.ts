import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestGpu, whyNoGpu } from '../../../../test/gpu.ts'
import { relativeError } from '../../../../test/suites/compare.ts'
import { choicesFor } from '../../../devices/choices.ts'
import type { AnyDevice } from '../../../devices/device.ts'
import { tensor, type Tensor } from '../../../tensor/tensor.ts'
import { packRows, unpackRows } from '../../packed/format.ts'
import { PackedMatrix } from '../../packed/matrix.ts'
import { linearBy } from '../../packed/weight.ts'
import { matmul } from '../op.ts'
import { tilesFor } from './launch.ts'
import { LARGE, SMALL, tilingFor } from './tiling.ts'

/**
 * So many tiles, and so long an inner axis, that large ones are taken; all edges cut, at multiples of four.
 */
const [M, N, K] = [1916, 2044, 108]
const numbers = (size: number, seed: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(seed + 1.7 * i))

/** x [rows, columns], transposed. */
const turned = (x: Float32Array, rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: x.length }, (_, i) => x[(i % rows) * columns + Math.floor(i / rows)])

/** Rows that are compared: a prime apart, so that they lie everywhere in the tiles, and the last. */
const ROWS = [...Array.from({ length: Math.ceil(M / 37) }, (_, i) => 37 * i), M - 1]

/** `want` has the rows that are compared. */
async function expectNear(y: Tensor, want: Float32Array): Promise<void> {
  const values = await y.read()
  const got = new Float32Array(want.length)
  for (const [i, row] of ROWS.entries()) got.set(values.subarray(row * N, (row + 1) * N), i * N)
  expect(relativeError(got, want)).toBeLessThan(1e-6)
  y.dispose()
}

const tiling = (rows: number, columns: number, inner: number) =>
  tilingFor({ batch: 1, M: rows, N: columns, K: inner }, [SMALL, LARGE])

test('few rounds of workgroups: large tiles, parts of the inner axis where tiles are few', () => {
  expect(tiling(M, N, K)).toMatchObject({ tiles: { rows: 128 }, splits: 1 })
  expect(tiling(33, 33, 31)).toMatchObject({ tiles: { rows: 64 }, splits: 1 })
  expect(tiling(128, 768, 1536)).toMatchObject({ tiles: { rows: 64 }, splits: 16 })
  expect(tiling(3072, 768, 8192).splits).toBeGreaterThan(1)
})

const withMemory = (maxComputeWorkgroupStorageSize: number): Parameters<typeof tilesFor>[0] => ({
  choices: choicesFor('webgpu'),
  gpu: { limits: { maxComputeWorkgroupStorageSize } } as GPUDevice,
})

test('large tiles where operands are aligned and the GPU has room', () => {
  expect(tilesFor(withMemory(32_768), true)).toContain(LARGE)
  expect(tilesFor(withMemory(32_768), false)).not.toContain(LARGE)
  expect(tilesFor(withMemory(16_384), true)).not.toContain(LARGE)
})

describe.skipIf(whyNoGpu())('large tiles', () => {
  let device: AnyDevice
  let turning: AnyDevice
  const [a, b] = [numbers(M * K, 1), numbers(K * N, 2)]
  const bias = numbers(N, 3)

  beforeAll(async () => {
    device = await openTestGpu()
    turning = await openTestGpu({ choices: { transposeFrom: M } })
  })
  afterAll(() => {
    device.destroy()
    turning.destroy()
  })

  /** The rows of a b + bias that are compared, of b as [K, N]. */
  function product(weights: Float32Array): Float32Array {
    return Float32Array.from({ length: ROWS.length * N }, (_, i) => {
      const [m, n] = [ROWS[Math.floor(i / N)], i % N]
      let sum = bias[n]
      for (let k = 0; k < K; k++) sum += a[m * K + k] * weights[k * N + n]
      return sum
    })
  }

  test.each([false, true])('of all transposes, a transposed: %s', async (transposeA) => {
    const left = transposeA ? tensor(device, turned(a, M, K), [K, M]) : tensor(device, a, [M, K])
    const want = product(b)
    for (const transposeB of [false, true]) {
      const right = transposeB ? tensor(device, turned(b, K, N), [N, K]) : tensor(device, b, [K, N])
      const inputs = { a: left, b: right, bias: tensor(device, bias) }
      await expectNear(matmul(inputs, { transposeA, transposeB }), want)
    }
  })

  test('whose operands are turned before give the same bits', async () => {
    const [want, got] = await Promise.all(
      [device, turning].map((on) => {
        const inputs = { a: tensor(on, a, [M, K]), b: tensor(on, turned(b, K, N), [N, K]) }
        return matmul(inputs, { transposeB: true }).read()
      }),
    )
    expect(got).toEqual(want)
  })

  test('of packed weights', async () => {
    const words = packRows('f16', turned(b, K, N), K)
    const weight = PackedMatrix.empty(device, 'f16', [N, K])
    weight.writePanels(0, words)
    const want = product(turned(unpackRows('f16', words, N, K), N, K))
    await expectNear(linearBy(tensor(device, a, [M, K]), weight, tensor(device, bias)), want)
    weight.dispose()
  })
})
