// Products with weights in 16, 8 and 4 bits, beside f32: GB/s for few rows, GFLOP/s for many.
// npm run bench -- packed [device] [threads,threads...]
import { openDevice } from '../src/ops/open-device.ts'
import type { AnyDevice, DeviceName } from '../src/devices/device.ts'
import { PACKED_FORMATS, packRows } from '../src/ops/packed/format.ts'
import { PackedMatrix } from '../src/ops/packed/matrix.ts'
import { linearBy, type Weight } from '../src/ops/packed/weight.ts'
import { tensor, type Tensor } from '../src/tensor/tensor.ts'
import { inScope, interleaved, printTimings, type Work } from './tools/measure.ts'

const ROWS = [
  { label: 'head 768 to 50,280', rows: [1, 4], K: 768, N: 50_280 },
  { label: 'layer 1536 to 768', rows: [1, 4, 16], K: 1536, N: 768 },
] as const

const PREFILL = { M: 512, K: 768, N: 3072 } as const

const device = (process.argv[2] ?? 'wasm') as DeviceName
const threads = device === 'wasm' ? (process.argv[3] ?? '1,2').split(',').map(Number) : [1]
for (const count of threads) {
  const on = await openDevice(device, { threads: count, software: true })
  console.log(on.description)
  await bench(on)
  on.destroy()
}

async function bench(on: AnyDevice): Promise<void> {
  // Small products are started many times, so that starting them is not what is measured.
  for (const { label, rows, K, N } of ROWS) {
    const weights = weightsOf(on, N, K)
    const calls = N > 10_000 && on.name === 'wasm' ? 1 : 32
    for (const M of rows) {
      const x = random(on, M, K)
      const works = weights.map(({ name, bytes, weight }) =>
        work(name, x, weight, calls, { bytes: calls * bytes }),
      )
      printTimings(`${label}, ${M} rows`, await interleaved(on, works, 2))
      x.dispose()
    }
    for (const { weight } of weights) weight.dispose()
  }
  const { M, K, N } = PREFILL
  const x = random(on, M, K)
  const weights = weightsOf(on, N, K)
  const works = weights.map(({ name, weight }) => work(name, x, weight, 1, { flops: 2 * M * K * N }))
  printTimings(`prefill ${M} x ${K} x ${N}`, await interleaved(on, works, 3))
  for (const each of [x, ...weights.map(({ weight }) => weight)]) each.dispose()
}

function work(
  name: string,
  x: Tensor,
  weight: Weight,
  calls: number,
  cost: { readonly bytes?: number; readonly flops?: number },
): Work {
  const call = inScope(() => linearBy(x, weight))
  return {
    name: calls === 1 ? name : `${name}, ${calls} times`,
    ...cost,
    run() {
      for (let i = 0; i < calls; i++) call()
    },
  }
}

interface Named {
  readonly name: string
  readonly bytes: number
  readonly weight: Weight
}

/** The same matrix in f32 and in each format. */
function weightsOf(on: AnyDevice, N: number, K: number): Named[] {
  const values = Float32Array.from({ length: N * K }, () => Math.random() - 0.5)
  const packed = PACKED_FORMATS.map((format) => {
    const weight = PackedMatrix.empty(on, format, [N, K])
    weight.writePanels(0, packRows(format, values, K))
    return { name: format, bytes: weight.bytes, weight }
  })
  return [{ name: 'f32', bytes: 4 * N * K, weight: tensor(on, values, [N, K]) }, ...packed]
}

function random(on: AnyDevice, M: number, K: number): Tensor {
  return tensor(
    on,
    Float32Array.from({ length: M * K }, () => Math.random() - 0.5),
    [M, K],
  )
}
