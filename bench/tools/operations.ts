import type { AnyDevice } from '../../src/devices/device.ts'
import { randomNormal } from '../../src/nn/random-normal.ts'
import { attention } from '../../src/ops/attention/attention/op.ts'
import { causalConv1d } from '../../src/ops/causal-conv1d/op.ts'
import { copyInto, scale } from '../../src/ops/elementwise/op.ts'
import { withGradients } from '../../src/ops/gradients.ts'
import { matmul } from '../../src/ops/matmul/op.ts'
import { rmsNorm } from '../../src/ops/norm/op.ts'
import { selectiveScan } from '../../src/ops/scan/op.ts'
import { ssd } from '../../src/ops/ssd/op.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { inScope, type Work } from './measure.ts'

/** Works by title. Sizes are those of a 130M model: width 768, inner width 1536. */
export function operationWorks(device: AnyDevice): [string, Work[]][] {
  const normal: Normal = (...shape) => randomNormal(device, shape, 1)
  return [
    ['memory', [copyWork(normal((64 << 20) >> 2), normal((64 << 20) >> 2))]],
    [
      'matmul',
      [
        matmulWork(normal(512, 768), normal(768, 3072), {}),
        matmulWork(normal(512, 768), normal(3072, 768), { transposeB: true }),
        matmulWork(normal(768, 512), normal(768, 3072), { transposeA: true }),
        matmulWork(normal(1024, 1024), normal(1024, 1024), {}),
        matmulWork(normal(1, 768), normal(50280, 768), { transposeB: true }),
      ],
    ],
    ['sequence operations, 512 tokens', sequenceWorks(normal, 512)],
  ]
}

function copyWork(into: Tensor, from: Tensor): Work {
  return { name: 'copy 64 MiB', bytes: 8 * from.size, run: inScope(() => copyInto(into, from)) }
}

function matmulWork(a: Tensor, b: Tensor, options: { transposeA?: boolean; transposeB?: boolean }): Work {
  const [m, k] = options.transposeA ? [a.shape[1], a.shape[0]] : [a.shape[0], a.shape[1]]
  const n = options.transposeB ? b.shape[0] : b.shape[1]
  return {
    name: `${m} × ${k} × ${n}${options.transposeA ? ', aᵀ' : ''}${options.transposeB ? ', bᵀ' : ''}`,
    flops: 2 * m * k * n,
    bytes: 4 * (m * k + k * n + m * n),
    run: inScope(() => matmul({ a, b }, options)),
  }
}

type Normal = (...shape: number[]) => Tensor

function sequenceWorks(normal: Normal, L: number): Work[] {
  const [E, D] = [1536, 768]
  const x = normal(1, L, E)
  const conv = { x, weight: normal(E, 4), bias: normal(E) }
  const norm = { x: normal(L, D), weight: normal(D) }
  const qkv = { q: normal(1, L, D), k: normal(1, L, D), v: normal(1, L, D) }
  return [
    ...scanWorks(normal, { L, E, N: 16 }),
    ...ssdWorks(normal, { L, E, N: 128 }),
    ...both(`causal conv E ${E} K 4`, L, conv, () => causalConv1d(conv, { activation: 'silu' }).y),
    ...both(`RMS norm D ${D}`, L, norm, () => rmsNorm(norm, { eps: 1e-5 }).y),
    ...both(`attention H 12 × 64`, L, qkv, () => attention(qkv, { heads: 12, kvHeads: 12 })),
  ]
}

interface Sizes {
  readonly L: number
  readonly E: number
  readonly N: number
}

/** The selective scan of one sequence: forward; forward and backward. */
export function scanWorks(normal: Normal, { L, E, N }: Sizes): Work[] {
  const scan = {
    u: normal(1, L, E),
    delta: scale(normal(1, L, E), 0.1, -3),
    A: scale(normal(E, N), 0, -1),
    B: normal(1, L, N),
    C: normal(1, L, N),
    D: normal(E),
    z: normal(1, L, E),
  }
  return both(`selective scan E ${E} N ${N}`, L, scan, () => selectiveScan(scan, { deltaSoftplus: true }).y)
}

/** SSD of one sequence with heads of 64: forward; forward and backward. */
export function ssdWorks(normal: Normal, { L, E, N }: Sizes): Work[] {
  const H = E / 64
  const dual = {
    x: normal(1, L, E),
    delta: scale(normal(1, L, H), 0.1, -3),
    A: scale(normal(H), 0, -1),
    B: normal(1, L, N),
    C: normal(1, L, N),
    D: normal(H),
  }
  return both(`SSD H ${H} P 64 N ${N}`, L, dual, () => ssd(dual, { groups: 1, deltaSoftplus: true }).y)
}

/** An operation alone, and with the gradients of all its inputs. */
function both(
  name: string,
  tokens: number,
  inputs: Readonly<Record<string, Tensor>>,
  run: () => Tensor,
): Work[] {
  return [
    { name: `${name} forward`, tokens, run: inScope(run) },
    {
      name: `${name} forward + backward`,
      tokens,
      run: inScope(() => withGradients(Object.values(inputs), run, (y) => new Map([[y, y]]))),
    },
  ]
}
