import { expect, test } from 'vitest'
import { relativeError } from '../../../../test/suites/compare.ts'
import { openWasm } from '../../../devices/wasm/device.ts'
import { Random } from '../../../tensor/random.ts'
import { empty, tensor } from '../../../tensor/tensor.ts'
import { packRows, unpackRows } from '../format.ts'
import { PackedMatrix } from '../matrix.ts'
import { dotIntegers, type Integers } from './launch.ts'

const [M, N, K] = [5, 37, 96]

function normals(size: number, random: Random): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => (i % 29 === 0 ? 100 : 1) * random.normal())
}

/**
 * The draft in V8 11 has the operands of byte products the other way round; kernels see it, and use int16.
 */
const draft = globalThis.process?.versions?.['v8']?.startsWith('11.') ?? false

for (const format of ['q8', 'q4'] as const) {
  const random = new Random(3)
  const values = normals(M * K, random)
  const panels = packRows(format, normals(N * K, random), K)
  const weights = unpackRows(format, panels, N, K)
  const exact = Array.from({ length: M * N }, (_, i) => {
    const [m, n] = [Math.floor(i / N), i % N]
    let sum = 0
    for (let k = 0; k < K; k++) sum += values[m * K + k] * weights[n * K + k]
    return sum
  })

  const product = async (integers: Integers): Promise<ArrayLike<number>> => {
    const device = await openWasm({ threads: 2 })
    const matrix = PackedMatrix.empty(device, format, [N, K])
    matrix.writePanels(0, panels)
    const y = empty(device, [M, N])
    const call = {
      device,
      inputs: { x: tensor(device, values, [M, K]), words: matrix.words },
      outputs: { y },
      params: { format, rows: N, activation: 'identity' as const },
      scratch: (shape: readonly number[]) => empty(device, shape),
    }
    device.run(dotIntegers(call, integers))
    const result = await y.read()
    device.destroy()
    return result
  }

  test(`${format}, activations in int16`, async () => {
    expect(relativeError(await product('int16'), exact)).toBeLessThan(2e-6)
  })

  test.skipIf(draft)(`${format}, activations in digits of bytes`, async () => {
    expect(relativeError(await product('digits'), exact)).toBeLessThan(2e-6)
  })

  test(`${format}, as the machine does best: one of the two`, async () => {
    const either = await Promise.all([product('int16'), ...(draft ? [] : [product('digits')])])
    expect(either).toContainEqual(await product('best'))
  })
}
