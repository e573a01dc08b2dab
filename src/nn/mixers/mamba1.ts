import {
  linearBy,
  rmsNorm,
  selectiveScan,
  selectiveStateUpdate,
  selectiveStep,
  type SelectiveStepInputs,
  split,
  type Weight,
  zeros,
} from '../../ops/index.ts'
import { persistent } from '../../tensor/scope.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { CausalConv1d } from '../causal-conv1d.ts'
import { Decay } from '../decay.ts'
import { deltaBias, logOneToN, ones, residualFanIn, uniform } from '../initializers.ts'
import { Linear } from '../linear.ts'
import type { SequenceLayer, SequenceOptions, SequenceResult, State, Unnormed } from '../module.ts'
import type { Parameters } from '../parameters.ts'

export interface Mamba1Options {
  readonly input: number
  /** Inner width E; in a language model twice the width. */
  readonly hidden: number
  readonly output: number
  /** State size N of each channel. */
  readonly state?: number
  /** Taps of the convolution. */
  readonly kernel?: number
  /** Rank R of the projection that makes delta. Default: input / 16, rounded up. */
  readonly deltaRank?: number
  readonly bias?: boolean
  readonly convolutionBias?: boolean
  /** Falcon-Mamba: delta (before its projection), B and C pass RMS norms without weights, with this epsilon. Absent: none. */
  readonly innerNorm?: number
  /** Residual branches of the model around, for the scale of the output projection. */
  readonly branches?: number
}

type Complete = Required<Omit<Mamba1Options, 'innerNorm'>> & Mamba1Options

/**
 * The Mamba block of Gu and Dao (2023), figure 3: two branches, a short convolution and the selective scan in one, a gate in
 * the other.
 *
 *     x, z = in_proj(input);  x = silu(conv(x));  delta, B, C = x_proj(x)
 *     h[t] = exp(delta A) h[t-1] + delta B x[t];  y = C h + D x;  output = out_proj(y · silu(z))
 */
export class Mamba1 implements SequenceLayer {
  readonly #options: Complete
  readonly #device
  readonly inProj: Linear
  readonly conv1d: CausalConv1d
  readonly xProj: Linear
  readonly dtProj: { readonly weight: Weight; readonly bias: Tensor }
  readonly decay: Decay
  readonly D: Tensor
  readonly outProj: Linear

  constructor(options: Mamba1Options, at: Parameters) {
    const full = withDefaults(options)
    const { input, hidden: E, output, state: N, kernel, deltaRank: R, bias, convolutionBias, branches } = full
    this.#options = full
    this.#device = at.device
    this.inProj = new Linear(at.at('in_proj'), { input, output: 2 * E, bias })
    this.conv1d = new CausalConv1d(at.at('conv1d'), { channels: E, kernel, bias: convolutionBias })
    this.xProj = new Linear(at.at('x_proj'), { input: E, output: R + 2 * N })
    // Official code: uniform within R^-1/2, so that the projection keeps the variance.
    const dtProj = at.at('dt_proj')
    this.dtProj = {
      weight: dtProj.matrix('weight', [E, R], uniform(R ** -0.5)),
      bias: dtProj.create('bias', [E], deltaBias()),
    }
    this.decay = new Decay(at, [E, N], logOneToN)
    this.D = at.create('D', [E], ones)
    this.outProj = new Linear(at.at('out_proj'), {
      input: E,
      output,
      bias,
      weight: residualFanIn(E, branches),
    })
  }

  /** x [B, L, input] to y [B, L, output]. */
  forward(x: Tensor): Tensor {
    return this.sequence(x).y
  }

  sequence(x: Tensor, { state, reset }: SequenceOptions = {}): SequenceResult {
    const { hidden: E } = this.#options
    const [u, z] = split(this.inProj.forward(x), [E, E]) as [Tensor, Tensor]
    const conv = this.conv1d.sequence(u, state?.conv, reset)
    const scan = selectiveScan(
      {
        u: conv.y,
        ...this.#select(conv.y),
        A: this.decay.A(),
        D: this.D,
        z,
        initialState: state?.ssm,
        reset,
      },
      { deltaSoftplus: true },
    )
    return { y: this.outProj.forward(scan.y), state: { conv: conv.finalWindow, ssm: scan.finalState } }
  }

  step(x: Tensor, state: State): Tensor {
    return this.#advance(this.inProj.forward(x), state)
  }

  stepOfNorm({ norm, x, residual }: Unnormed, state: State): { y: Tensor; sum: Tensor } {
    const { y, sum } = norm.addNormAndProject(x, residual, this.inProj)
    return { y: this.#advance(y, state), sum }
  }

  #advance(projected: Tensor, state: State): Tensor {
    const { hidden: E } = this.#options
    const [u, z] = split(projected, [E, E]) as [Tensor, Tensor]
    const x = this.conv1d.step(u, state.conv)
    const { A, logDecay } = this.decay.stored
    const inputs = { state: state.ssm, x, A, D: this.D, z }
    return this.outProj.forward(this.#update(inputs, logDecay))
  }

  /** y [B, E]; the state changes in place. */
  #update(inputs: Pick<SelectiveStepInputs, 'state' | 'x' | 'A' | 'D' | 'z'>, logDecay: boolean): Tensor {
    if (this.#options.innerNorm === undefined) {
      const selected = this.xProj.forward(inputs.x)
      const { weight, bias: deltaBias } = this.dtProj
      return selectiveStep({ ...inputs, selected, deltaBias }, weight, { logDecay })
    }
    const options = { deltaSoftplus: true, logDecay, inPlace: true } as const
    return selectiveStateUpdate({ ...inputs, ...this.#select(inputs.x) }, options).y
  }

  createState(batch: number): State {
    const { hidden: E, state: N } = this.#options
    return persistent(() => ({
      conv: zeros(this.#device, this.conv1d.windowShape(batch)),
      ssm: zeros(this.#device, [batch, E, N]),
    }))
  }

  /** What the convolved input says of the scan: how far delta lets it in, where (B), and how it is read (C). */
  #select(u: Tensor): { delta: Tensor; deltaBias: Tensor; B: Tensor; C: Tensor } {
    const { deltaRank: R, state: N, innerNorm: eps } = this.#options
    const parts = split(this.xProj.forward(u), [R, N, N])
    const normed = eps === undefined ? parts : parts.map((part) => rmsNorm({ x: part }, { eps }).y)
    const [low, B, C] = normed as [Tensor, Tensor, Tensor]
    const { weight, bias: deltaBias } = this.dtProj
    return { delta: linearBy(low, weight), deltaBias, B, C }
  }
}

function withDefaults(options: Mamba1Options): Complete {
  return {
    state: 16,
    kernel: 4,
    deltaRank: Math.ceil(options.input / 16),
    bias: false,
    convolutionBias: true,
    branches: 1,
    ...options,
  }
}
