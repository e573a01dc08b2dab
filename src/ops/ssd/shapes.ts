import type { AnyDevice } from '../../devices/device.ts'
import { ConfigError, ShapeError } from '../../errors.ts'
import { dims, expectRank, expectShape, showShape } from '../../tensor/shape.ts'
import type { SsdInputs, SsdParams } from './types.ts'

/** batch B, length L, heads H, head width P, groups G, state N; chunk Q and how many chunks there are. */
export interface SsdSizes {
  readonly batch: number
  readonly length: number
  readonly heads: number
  readonly headDim: number
  readonly groups: number
  readonly stateSize: number
  readonly chunk: number
  readonly chunks: number
}

/**
 * A WebGPU workgroup holds a chunk in tiles of 64 x 64: longer ones are cut, and much shorter ones would
 * leave it idle.
 */
const LEAST_WEBGPU_CHUNK = 16
const LARGEST_WEBGPU_CHUNK = 64
/**
 * The work of a token and head is Q/2 (N + P) + 2 N P multiply-adds; a chunk reads and writes N P numbers
 * more.
 */
export function sizesOf(
  { x, A, B }: Pick<SsdInputs, 'x' | 'A' | 'B'>,
  { groups, chunkSize }: SsdParams,
  { name, choices }: Pick<AnyDevice, 'name' | 'choices'>,
): SsdSizes {
  const [batch, length, inner] = dims(x, 3)
  const heads = A.shape[0]
  const wanted = chunkSize ?? choices.ssdChunk
  const fitting =
    name === 'webgpu' ? Math.min(Math.max(wanted, LEAST_WEBGPU_CHUNK), LARGEST_WEBGPU_CHUNK) : wanted
  const chunk = Math.max(1, Math.min(fitting, length))
  const chunks = Math.ceil(length / chunk)
  return { batch, length, heads, headDim: inner / heads, groups, stateSize: B.width / groups, chunk, chunks }
}

/**
 * What kernels clamp delta to: finite, as WGSL has no infinity. After softplus, 0 is a bound that changes
 * nothing but rounding.
 */
export function deltaRange({
  deltaSoftplus,
  deltaLimit = [deltaSoftplus ? 0 : -Infinity, Infinity],
}: SsdParams): {
  deltaMin: number
  deltaMax: number
} {
  return { deltaMin: Math.max(deltaLimit[0], -3e38), deltaMax: Math.min(deltaLimit[1], 3e38) }
}

export function checkShapes(inputs: SsdInputs, params: SsdParams): void {
  const { x, delta, A, B, C, D, z, deltaBias, initialState, reset } = inputs
  expectRank('ssd: A', A.shape, 1)
  expectRank('ssd: B', B.shape, 3)
  const [batch, length, inner] = dims(x, 3, 'ssd: x')
  const heads = A.shape[0]
  const { groups, chunkSize = 1 } = params
  expectDivisor('ssd: x', inner, heads, 'heads')
  expectDivisor('ssd: B', B.width, groups, 'groups')
  expectDivisor('ssd: groups', heads, groups, 'groups')
  if (!Number.isInteger(chunkSize) || chunkSize < 1) {
    throw new ConfigError('no such chunk', {
      where: 'ssd: chunkSize',
      expected: 'a positive integer',
      found: chunkSize,
    })
  }
  expectShape('ssd: delta', delta.shape, [batch, length, heads])
  expectShape('ssd: B', B.shape, [batch, length, B.width])
  expectShape('ssd: C', C.shape, B.shape)
  if (D) expectShape('ssd: D', D.shape, D.width === heads ? [heads] : [inner])
  if (z) expectShape('ssd: z', z.shape, x.shape)
  if (deltaBias) expectShape('ssd: deltaBias', deltaBias.shape, [heads])
  if (initialState) {
    const state = [batch, heads, inner / heads, B.width / groups]
    expectShape('ssd: initialState', initialState.shape, state)
  }
  if (reset) expectShape('ssd: reset', reset.shape, [batch, length])
}

function expectDivisor(where: string, width: number, count: number, of: string): void {
  if (count >= 1 && width % count === 0) return
  throw new ShapeError(`does not divide into ${of}`, {
    where,
    expected: `a multiple of ${count}`,
    found: showShape([width]),
  })
}
