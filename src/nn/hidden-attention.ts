import type { AnyDevice } from '../devices/device.ts'
import { ShapeError, StateError } from '../errors.ts'
import { broadcastTo, concat, reshape, selectiveScan, slice, ssd } from '../ops/index.ts'
import { scope } from '../tensor/scope.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import { observe, type Observer } from './observe.ts'
import { copyOf } from './states.ts'

/** Which matrices are made. */
export interface HiddenAttentionOptions {
  /**
   * The path of the layer's notes, as `backbone.layers.3.mixer`. Default: that of a mixer which `body` calls
   * itself.
   */
  readonly path?: string
  /**
   * Channels of Mamba-1, heads of Mamba-2: from the first up to the second, which is left out. Default: all.
   */
  readonly channels?: readonly [number, number]
}

/**
 * The hidden attention of a Mamba layer (Ali et al. 2024, arXiv 2403.01590): matrices M [B, channels, L, L],
 * one for each channel of Mamba-1 and one for each head of Mamba-2, by which the selective scan multiplies
 * its input:
 *
 *     ssm_output[t] = Σ over s of M[t, s] ssm_input[s] + D ssm_input[t]
 *     M[t, s] = C[t] · (Ā[s+1] ⊙ … ⊙ Ā[t] ⊙ B[s]) delta[s]  for s <= t,  Ā[r] = exp(delta[r] A)
 *
 * D is not part of M. M is 0 for s > t, and for s and t of different sequences. What an initial state leads
 * to comes on top. All P numbers of a head share its matrix.
 *
 * `body` runs the layer, or a model around it, once: `() => mixer.sequence(x, { reset })`, `() =>
 * model.forward(tokens)`. M takes 4 B L² bytes a channel, and as much again while it is made: choose channels
 * where L is large. No gradient flows through M.
 *
 * @throws StateError if no selective scan is noted at the path, or several
 */
export function hiddenAttention(
  body: () => unknown,
  { path = '', channels }: HiddenAttentionOptions = {},
): Tensor {
  const parts = new Map<string, Tensor>()
  try {
    observeScan(body, path, parts)
    const scan = Object.fromEntries(parts) as unknown as Scan
    return scope(() => matricesOf(scan, path, channels))
  } finally {
    for (const part of parts.values()) part.dispose()
  }
}

/**
 * What a selective scan is made of: delta [B, L, E], A [E, N] in Mamba-1; delta [B, L, H], A [H] in Mamba-2.
 */
interface Scan {
  readonly delta: Tensor
  readonly A: Tensor
  /** [B, L, G*N] */
  readonly B: Tensor
  readonly C: Tensor
  /** The state after it, [B, …, N]. */
  readonly h: Tensor
  readonly reset?: Tensor
}
const NEEDED = ['delta', 'A', 'B', 'C', 'h'] as const

function observeScan(body: () => unknown, path: string, parts: Map<string, Tensor>): void {
  const where = `hiddenAttention: ${path || 'body'}`
  const scans = new Set<string>()
  const observer: Observer = (at, name, part) => {
    if (name === 'A') scans.add(at)
    if (at !== path) return
    if (parts.has(name)) throw new StateError('the layer ran more than once', { where })
    parts.set(name, copyOf(part))
  }
  scope(() => void observe(body, observer, { names: [...NEEDED, 'reset'] }))
  if (NEEDED.every((name) => parts.has(name))) return
  throw new StateError('there is no selective scan', {
    where,
    expected: scans.size === 0 ? 'a layer of Mamba-1 or Mamba-2' : `path: ${[...scans].join(', ')}`,
    found: path,
  })
}

function matricesOf(scan: Scan, path: string, channels: readonly [number, number] | undefined): Tensor {
  const { delta } = scan
  const [batch, length, count] = delta.shape as [number, number, number]
  const [from, to] = channels ?? [0, count]
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > count || from >= to) {
    throw new ShapeError('there are no such channels', {
      where: `hiddenAttention: ${path || 'body'}`,
      expected: `a range within 0 to ${count}`,
      found: `${from} to ${to}`,
    })
  }
  const matrixOf = scan.A.shape.length === 2 ? channelMatrix : headMatrix
  const units = broadcastTo(identity(delta.device, length), [batch, length, length])
  const matrices = Array.from({ length: to - from }, (_, i) => {
    const matrix = scope(() => matrixOf(scan, units, from + i))
    return reshape(matrix, [batch, length * length])
  })
  return reshape(concat(matrices), [batch, to - from, length, length])
}

/** [size, size]. Its column s is an impulse at position s. */
function identity(device: AnyDevice, size: number): Tensor {
  const values = new Float32Array(size * size)
  for (let i = 0; i < size; i++) values[i * size + i] = 1
  return tensor(device, values, [size, size])
}

/**
 * Mamba-1: what the channel answers to each impulse. Of L channels that are all like it, number s is given
 * impulse s.
 */
function channelMatrix({ delta, A, B, C, reset }: Scan, units: Tensor, channel: number): Tensor {
  const inputs = {
    u: units,
    delta: broadcastTo(slice(delta, 2, channel, channel + 1), units.shape),
    A: broadcastTo(slice(A, 0, channel, channel + 1), [units.width, A.width]),
  }
  return selectiveScan({ ...inputs, B, C, reset }).y
}

/** Mamba-2: what the head answers to each impulse. Of a head of L numbers, number s is given impulse s. */
function headMatrix({ delta, A, B, C, h, reset }: Scan, units: Tensor, head: number): Tensor {
  const groups = B.width / h.width
  const group = Math.floor((head * groups) / A.width)
  const ofGroup = (x: Tensor): Tensor => slice(x, 2, group * h.width, (group + 1) * h.width)
  const inputs = {
    x: units,
    delta: slice(delta, 2, head, head + 1),
    A: slice(A, 0, head, head + 1),
    B: ofGroup(B),
    C: ofGroup(C),
    reset,
  }
  return ssd(inputs, { groups: 1, deltaSoftplus: false }).y
}
