// Products by shape and transpose: GFLOP/s of large ones, GB/s of weights for single rows.
// npm run bench -- matmul [device] [threads,threads...]
import { openDevice } from '../src/ops/open-device.ts'
import type { AnyDevice, DeviceName } from '../src/devices/device.ts'
import { matmul } from '../src/ops/matmul/op.ts'
import { scope } from '../src/tensor/scope.ts'
import { tensor, type Tensor } from '../src/tensor/tensor.ts'

const SECONDS = 1

/** M, K, N of a · b, and which of them are stored transposed. */
const PRODUCTS = [
  { label: 'prefill 512 x 768 x 3072, weights [N, K]', M: 512, K: 768, N: 3072, transposeB: true },
  { label: 'prefill 512 x 1536 x 768, weights [N, K]', M: 512, K: 1536, N: 768, transposeB: true },
  { label: 'narrow 512 x 1536 x 80, weights [N, K]', M: 512, K: 1536, N: 80, transposeB: true },
  { label: 'input gradient 512 x 3072 x 768', M: 512, K: 3072, N: 768 },
  { label: 'weight gradient 3072 x 512 x 768, a [K, M]', M: 3072, K: 512, N: 768, transposeA: true },
  { label: 'long weight gradient 256 x 8192 x 80, a [K, M]', M: 256, K: 8192, N: 80, transposeA: true },
  { label: 'square 512', M: 512, K: 512, N: 512 },
] as const

const ROWS = [
  { label: 'head 768 to 50,280', M: 1, K: 768, N: 50_280 },
  { label: 'head, 4 rows', M: 4, K: 768, N: 50_280 },
  { label: 'head, 16 rows', M: 16, K: 768, N: 50_280 },
  { label: 'layer 768 to 3072', M: 1, K: 768, N: 3072 },
] as const

const device = (process.argv[2] ?? 'wasm') as DeviceName
const threads = device === 'wasm' ? (process.argv[3] ?? '1,2').split(',').map(Number) : [1]
for (const count of threads) await bench(await openDevice(device, { threads: count, software: true }))

async function bench(on: AnyDevice): Promise<void> {
  console.log(on.description)
  for (const { label, M, K, N, ...flags } of PRODUCTS) {
    const transposeA = 'transposeA' in flags
    const transposeB = 'transposeB' in flags
    const a = random(on, transposeA ? [K, M] : [M, K])
    const b = random(on, transposeB ? [N, K] : [K, N])
    const seconds = await best(on, () => matmul({ a, b }, { transposeA, transposeB }))
    console.log(`  ${label.padEnd(48)} ${((2e-9 * M * N * K) / seconds).toFixed(1).padStart(8)} GFLOP/s`)
    a.dispose()
    b.dispose()
  }
  for (const { label, M, K, N } of ROWS) {
    const a = random(on, [M, K])
    const b = random(on, [N, K])
    const seconds = await best(on, () => matmul({ a, b }, { transposeB: true }))
    console.log(`  ${label.padEnd(48)} ${((4e-9 * N * K) / seconds).toFixed(1).padStart(8)} GB/s`)
    a.dispose()
    b.dispose()
  }
  on.destroy()
}

/**
 * Seconds of the fastest call. GPUs get many calls at once, so that starting them is not what is measured.
 */
async function best(on: AnyDevice, call: () => Tensor): Promise<number> {
  const calls = on.name === 'webgpu' ? 32 : 1
  let fastest = Number.POSITIVE_INFINITY
  const begin = performance.now()
  for (let round = 0; round < 3 || performance.now() - begin < 1000 * SECONDS; round++) {
    const start = performance.now()
    for (let i = 0; i < calls; i++) scope(() => void call())
    await on.synchronize()
    fastest = Math.min(fastest, (performance.now() - start) / 1000 / calls)
  }
  return fastest
}

function random(on: AnyDevice, shape: readonly [number, number]): Tensor {
  return tensor(
    on,
    Float32Array.from({ length: shape[0] * shape[1] }, () => Math.random() - 0.5),
    shape,
  )
}
