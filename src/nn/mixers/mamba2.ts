import { ConfigError } from '../../errors.ts'
import {
  activation,
  add,
  exp,
  multiply,
  rmsNorm,
  scale,
  silu,
  softplus,
  split,
  ssd,
  ssdStateUpdate,
  subtract,
} from '../../ops/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { CausalConv1d } from '../causal-conv1d.ts'
import { decayOf, decayParameter, storedDecay } from '../decay.ts'
import { deltaBias, logUniform, ones, residualFanIn } from '../initializers.ts'
import { asSequence, project, type Input } from '../input.ts'
import { Linear } from '../linear.ts'
import { Mixer, type SequenceOptions, type SequenceResult } from '../mixer.ts'
import { RMSNorm } from '../norm.ts'
import { ifObserved, note } from '../observe.ts'
import { parameter, type Parameter } from '../parameter.ts'
import { slot, type Slots, type State } from '../states.ts'

/** Sizes of a Mamba-2 layer. */
export interface Mamba2Options {
  readonly input: number
  /** Inner width E = heads × head width; in a language model twice the width. */
  readonly hidden: number
  readonly output: number
  /** Head width P. Default: 64, or the largest divisor of `hidden` below. */
  readonly headDim?: number
  /** State size N of each head. */
  readonly stateSize?: number
  /** Groups G of heads that share B and C. */
  readonly groups?: number
  readonly kernel?: number
  readonly bias?: boolean
  readonly convolutionBias?: boolean
  /** delta is clamped to this range after softplus. */
  readonly deltaLimit?: readonly [number, number]
  /** Chunk length Q of the block decomposition. Default: what is fastest on the device. */
  readonly chunk?: number
  readonly eps?: number
  /** Whether each group is normalised on its own (original code), or all channels together (transformers). */
  readonly groupedNorm?: boolean
  readonly branches?: number
}

type Complete = Required<Omit<Mamba2Options, 'chunk' | 'deltaLimit'>> & Mamba2Options

/**
 * The Mamba-2 block of Dao and Gu (2024), figure 6: A is one number for each head, and delta, B, C come from
 * the input in parallel with x, so that the whole is matrix products in chunks (state-space duality).
 *
 *     z, x, B, C, dt = in_proj(input);  x, B, C = silu(conv(x, B, C))
 *     h[t] = exp(dt A) h[t-1] + dt x[t] Bᵀ[t];  y = h C + D x;  output = out_proj(norm(y · silu(z)))
 */
export class Mamba2 extends Mixer {
  readonly #options: Complete
  readonly slots: Slots
  readonly inProj: Linear
  readonly conv1d: CausalConv1d
  readonly dtBias: Parameter
  readonly aLog: Parameter
  readonly D: Parameter
  readonly norm: RMSNorm
  readonly outProj: Linear

  constructor(options: Mamba2Options) {
    super()
    const full = complete(options)
    const {
      input,
      hidden: E,
      output,
      groups: G,
      stateSize: N,
      kernel,
      bias,
      convolutionBias,
      branches,
    } = full
    this.#options = full
    const heads = this.heads
    this.inProj = new Linear({ input, output: 2 * E + 2 * G * N + heads, bias })
    this.conv1d = new CausalConv1d({ channels: E + 2 * G * N, kernel, bias: convolutionBias })
    this.dtBias = parameter([heads], { init: deltaBias() })
    this.aLog = decayParameter([heads], logUniform(1, 16))
    this.D = parameter([heads], { init: ones })
    this.norm = new RMSNorm(E, full.eps)
    this.outProj = new Linear({ input: E, output, bias, weight: residualFanIn(E, branches) })
    this.slots = { conv: this.conv1d.window, ssm: slot([heads, full.headDim, N]) }
  }

  /** Number of heads H. */
  get heads(): number {
    return this.#options.hidden / this.#options.headDim
  }

  sequence(x: Input, { state, reset }: SequenceOptions = {}): SequenceResult {
    const { groups, deltaLimit, chunk } = this.#options
    const { z, xBC, dt } = this.#splitProjected(project(x, this.inProj))
    const conv = this.conv1d.sequence(xBC, state?.conv, reset)
    const selected = this.#splitConvolved(conv.y)
    ifObserved(() => this.#noteSelected({ ...selected, z, dt, reset }))
    const inner = ssd(
      {
        ...selected,
        delta: dt,
        A: decayOf(this.aLog),
        D: this.D.tensor,
        deltaBias: this.dtBias.tensor,
        initialState: state?.ssm,
        reset,
      },
      { groups, deltaSoftplus: true, deltaLimit, chunkSize: chunk },
    )
    note('ssm_output', inner.y)
    note('h', inner.finalState)
    const y = this.outProj.forward(this.#gatedNorm(inner.y, z))
    note('out_proj', y)
    return { y, state: { conv: conv.finalWindow, ssm: inner.finalState } }
  }

  step(x: Input, state: State): Tensor {
    const { groups, deltaLimit, groupedNorm, eps } = this.#options
    const { z, xBC, dt } = this.#splitProjected(project(x, this.inProj))
    const { A, logDecay } = storedDecay(this.aLog)
    const selected = this.#splitConvolved(this.conv1d.step(xBC, state.conv))
    ifObserved(() => this.#noteSelected({ ...selected, z, dt }))
    const inner = ssdStateUpdate(
      {
        state: state.ssm,
        ...selected,
        delta: dt,
        A,
        D: this.D.tensor,
        deltaBias: this.dtBias.tensor,
      },
      { groups, deltaSoftplus: true, deltaLimit, logDecay, inPlace: true },
    )
    note('ssm_output', () => asSequence(inner.y))
    note('h', state.ssm)
    const y =
      groupedNorm && groups > 1
        ? this.outProj.forward(this.#gatedNorm(inner.y, z))
        : this.outProj.ofNorm({ x: inner.y, z, scale: this.norm.weight.tensor }, eps).y
    note('out_proj', () => asSequence(y))
    return y
  }

  /** What the recurrence is made of, and the gate: [B, L, …], or [B, …] of a single position. */
  #noteSelected({ x, B, C, z, dt, reset }: Selected): void {
    const A = decayOf(this.aLog)
    const delta = asSequence(clamp(softplus(add(dt, this.dtBias.tensor)), this.#options.deltaLimit))
    note('ssm_input', asSequence(x))
    note('delta', delta)
    note('A', A)
    note('A_bar', () => exp(multiply(delta, A)))
    note('B', asSequence(B))
    note('C', asSequence(C))
    if (reset) note('reset', reset)
    note('gate', () => silu(asSequence(z)))
  }

  #splitProjected(projected: Tensor): { z: Tensor; xBC: Tensor; dt: Tensor } {
    const { hidden: E, groups: G, stateSize: N } = this.#options
    const widths = [E, E + 2 * G * N, this.heads]
    const [z, xBC, dt] = split(projected, widths) as [Tensor, Tensor, Tensor]
    return { z, xBC, dt }
  }

  #splitConvolved(xBC: Tensor): { x: Tensor; B: Tensor; C: Tensor } {
    const { hidden: E, groups: G, stateSize: N } = this.#options
    const [x, B, C] = split(xBC, [E, G * N, G * N]) as [Tensor, Tensor, Tensor]
    return { x, B, C }
  }

  /** norm(y · silu(z)), of each group on its own if the model says so. */
  #gatedNorm(y: Tensor, z: Tensor): Tensor {
    const { eps, groups, groupedNorm, hidden } = this.#options
    const groupSize = groupedNorm ? hidden / groups : undefined
    const weight = this.norm.weight.tensor
    return rmsNorm({ x: y, weight, z }, { eps, groupSize, normBeforeGate: false }).y
  }
}

interface Selected {
  readonly x: Tensor
  readonly B: Tensor
  readonly C: Tensor
  readonly z: Tensor
  readonly dt: Tensor
  readonly reset?: Tensor | undefined
}

/**
 * `x` within a range: to the bit itself inside, and within rounding of the bound outside. Either bound may be
 * infinite.
 */
function clamp(x: Tensor, [least, most]: readonly [number, number] = [-Infinity, Infinity]): Tensor {
  const raised = Number.isFinite(least) ? add(x, activation(scale(x, -1, least), 'relu')) : x
  return Number.isFinite(most) ? subtract(raised, activation(scale(raised, 1, -most), 'relu')) : raised
}

function complete(options: Mamba2Options): Complete {
  const full = {
    headDim: largestDivisor(options.hidden, 64),
    stateSize: 64,
    groups: 1,
    kernel: 4,
    bias: false,
    convolutionBias: true,
    eps: 1e-5,
    groupedNorm: false,
    branches: 1,
    ...options,
  }
  if (full.hidden % full.headDim !== 0) {
    throw new ConfigError('hidden must be a multiple of the head width', {
      where: 'Mamba2',
      expected: `a multiple of ${full.headDim}`,
      found: full.hidden,
    })
  }
  const heads = full.hidden / full.headDim
  if (heads % full.groups !== 0) {
    throw new ConfigError('heads must be a multiple of groups', {
      where: 'Mamba2',
      expected: `a multiple of ${full.groups}`,
      found: heads,
    })
  }
  return full
}

/** The largest divisor of `n` that is at most `limit`. */
export function largestDivisor(n: number, limit: number): number {
  let divisor = Math.max(1, Math.min(Math.floor(n), limit))
  while (divisor > 1 && n % divisor !== 0) divisor--
  return divisor
}
