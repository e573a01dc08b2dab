import {
  add,
  exp,
  linearBy,
  multiply,
  reshape,
  rmsNorm,
  selectiveScan,
  selectiveStateUpdate,
  selectiveStep,
  silu,
  softplus,
  split,
  type SelectiveStepInputs,
} from '../../ops/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { CausalConv1d } from '../causal-conv1d.ts'
import { decayOf, decayParameter, storedDecay } from '../decay.ts'
import { deltaBias, logOneToN, ones, residualFanIn, uniform } from '../initializers.ts'
import { asSequence, project, type Input } from '../input.ts'
import { Linear } from '../linear.ts'
import { Mixer, type SequenceOptions, type SequenceResult } from '../mixer.ts'
import { RMSNorm } from '../norm.ts'
import { ifObserved, note } from '../observe.ts'
import { parameter, type Parameter } from '../parameter.ts'
import { slot, type Slots, type State } from '../states.ts'

/** Sizes of a Mamba-1 layer. */
export interface Mamba1Options {
  readonly input: number
  /** Inner width E; in a language model twice the width. */
  readonly hidden: number
  readonly output: number
  /** State size N of each channel. */
  readonly stateSize?: number
  /** Taps of the convolution. */
  readonly kernel?: number
  /** Rank R of the projection that makes delta. Default: input / 16, rounded up. */
  readonly deltaRank?: number
  readonly bias?: boolean
  readonly convolutionBias?: boolean
  /**
   * RMS norms of delta (before its projection), B and C: Jamba's have weights, Falcon-Mamba's have none.
   * Absent: no such norms.
   */
  readonly innerNorm?: { readonly eps: number; readonly weights: boolean } | undefined
  /** Residual branches of the model around, for the scale of the output projection. */
  readonly branches?: number
}

type Complete = Required<Omit<Mamba1Options, 'innerNorm'>> & Mamba1Options

/**
 * The Mamba block of Gu and Dao (2023), figure 3: two branches, a short convolution and the selective scan in
 * one, a gate in the other.
 *
 *     x, z = in_proj(input);  x = silu(conv(x));  delta, B, C = x_proj(x)
 *     h[t] = exp(delta A) h[t-1] + delta B x[t];  y = C h + D x;  output = out_proj(y · silu(z))
 */
export class Mamba1 extends Mixer {
  readonly #options: Complete
  readonly slots: Slots
  readonly inProj: Linear
  readonly conv1d: CausalConv1d
  readonly xProj: Linear
  readonly dtNorm: RMSNorm | undefined
  readonly bNorm: RMSNorm | undefined
  readonly cNorm: RMSNorm | undefined
  /** The bias is added inside the scan. */
  readonly dtProj: Linear
  readonly aLog: Parameter
  readonly D: Parameter
  readonly outProj: Linear

  constructor(options: Mamba1Options) {
    super()
    const full = withDefaults(options)
    const {
      input,
      hidden: E,
      output,
      stateSize: N,
      kernel,
      deltaRank: R,
      bias,
      convolutionBias,
      branches,
    } = full
    const { innerNorm } = full
    this.#options = full
    this.inProj = new Linear({ input, output: 2 * E, bias })
    this.conv1d = new CausalConv1d({ channels: E, kernel, bias: convolutionBias })
    this.xProj = new Linear({ input: E, output: R + 2 * N })
    if (innerNorm?.weights) {
      this.dtNorm = new RMSNorm(R, innerNorm.eps)
      this.bNorm = new RMSNorm(N, innerNorm.eps)
      this.cNorm = new RMSNorm(N, innerNorm.eps)
    }
    // Official code: uniform within R^-1/2, so that the projection keeps the variance.
    this.dtProj = new Linear({ input: R, output: E, weight: uniform(R ** -0.5), bias: deltaBias() })
    this.aLog = decayParameter([E, N], logOneToN)
    this.D = parameter([E], { init: ones })
    this.outProj = new Linear({ input: E, output, bias, weight: residualFanIn(E, branches) })
    this.slots = { conv: this.conv1d.window, ssm: slot([E, N]) }
  }

  sequence(x: Input, { state, reset }: SequenceOptions = {}): SequenceResult {
    const { hidden: E } = this.#options
    const [u, z] = split(project(x, this.inProj), [E, E]) as [Tensor, Tensor]
    const conv = this.conv1d.sequence(u, state?.conv, reset)
    const inputs = {
      u: conv.y,
      ...this.#select(conv.y),
      A: decayOf(this.aLog),
      D: this.D.tensor,
      initialState: state?.ssm,
      reset,
    }
    ifObserved(() => noteScan(inputs, z))
    const scan = selectiveScan({ ...inputs, z }, { deltaSoftplus: true })
    note('h', scan.finalState)
    const y = this.outProj.forward(scan.y)
    note('out_proj', y)
    return { y, state: { conv: conv.finalWindow, ssm: scan.finalState } }
  }

  step(x: Input, state: State): Tensor {
    const { hidden: E } = this.#options
    const [u, z] = split(project(x, this.inProj), [E, E]) as [Tensor, Tensor]
    const convolved = this.conv1d.step(u, state.conv)
    const { A, logDecay } = storedDecay(this.aLog)
    const inputs = { state: state.ssm, x: convolved, A, D: this.D.tensor, z }
    ifObserved(() => {
      const u = asSequence(convolved)
      const rest = { A: decayOf(this.aLog), D: this.D.tensor, initialState: state.ssm }
      noteScan({ u, ...this.#select(u), ...rest }, asSequence(z))
    })
    const y = this.outProj.forward(this.#update(inputs, logDecay))
    note('h', state.ssm)
    note('out_proj', () => asSequence(y))
    return y
  }

  /** y [B, E]; the state changes in place. */
  #update(inputs: Pick<SelectiveStepInputs, 'state' | 'x' | 'A' | 'D' | 'z'>, logDecay: boolean): Tensor {
    if (this.#options.innerNorm === undefined) {
      const selected = this.xProj.forward(inputs.x)
      const { weight, bias } = this.dtProj
      return selectiveStep({ ...inputs, selected, deltaBias: bias!.tensor }, weight.value, { logDecay })
    }
    const options = { deltaSoftplus: true, logDecay, inPlace: true } as const
    return selectiveStateUpdate({ ...inputs, ...this.#select(inputs.x) }, options).y
  }

  /**
   * What the convolved input says of the scan: how far delta lets it in, where (B), and how it is read (C).
   */
  #select(u: Tensor): { delta: Tensor; deltaBias: Tensor; B: Tensor; C: Tensor } {
    const { deltaRank: R, stateSize: N } = this.#options
    const [low, B, C] = this.#norm(split(this.xProj.forward(u), [R, N, N])) as [Tensor, Tensor, Tensor]
    const { weight, bias } = this.dtProj
    return { delta: linearBy(low, weight.value), deltaBias: bias!.tensor, B, C }
  }

  /** Delta, B and C through their norms, if they have any. */
  #norm(parts: readonly Tensor[]): readonly Tensor[] {
    const { innerNorm } = this.#options
    if (!innerNorm) return parts
    const { eps } = innerNorm
    const weights = [this.dtNorm, this.bNorm, this.cNorm].map((norm) => norm?.weight.tensor)
    return parts.map((x, i) => rmsNorm({ x, weight: weights[i] }, { eps }).y)
  }
}

/**
 * What the scan is made of, and the gate z [B, L, E]. Its output is computed again, as the kernel that
 * applies the gate does not give it.
 */
function noteScan(
  inputs: Parameters<typeof selectiveScan>[0] & { readonly deltaBias: Tensor },
  z: Tensor,
): void {
  const { u, A, B, C, reset } = inputs
  const delta = softplus(add(inputs.delta, inputs.deltaBias))
  note('ssm_input', u)
  note('delta', delta)
  note('A', A)
  note('A_bar', () => exp(multiply(reshape(delta, [...delta.shape, 1]), A)))
  note('B', B)
  note('C', C)
  if (reset) note('reset', reset)
  note('ssm_output', () => selectiveScan(inputs, { deltaSoftplus: true }).y)
  note('gate', () => silu(z))
}

function withDefaults(options: Mamba1Options): Complete {
  return {
    stateSize: 16,
    kernel: 4,
    deltaRank: Math.ceil(options.input / 16),
    bias: false,
    convolutionBias: true,
    branches: 1,
    ...options,
  }
}
