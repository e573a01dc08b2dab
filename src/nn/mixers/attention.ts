import { ConfigError, StateError } from '../../errors.ts'
import { attention, cacheAppend, reshape, rope, split } from '../../ops/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { CausalConv1d } from '../causal-conv1d.ts'
import { residualFanIn } from '../initializers.ts'
import { attentionPattern } from '../attention-pattern.ts'
import { asSequence, project, type Input } from '../input.ts'
import { Linear } from '../linear.ts'
import { Mixer, type SequenceOptions, type SequenceResult } from '../mixer.ts'
import { note } from '../observe.ts'
import { slot, type Slots, type State } from '../states.ts'

/** Sizes of an attention layer. */
export interface AttentionOptions {
  readonly width: number
  readonly heads: number
  /**
   * Heads of keys and values, shared by groups of query heads (Ainslie et al. 2023). Default: as many as
   * heads.
   */
  readonly kvHeads?: number
  /** Width of a head. Default: width / heads. */
  readonly headDim?: number
  /** How much of each head is turned by its position (Su et al. 2021). Default: all. 0: no positions. */
  readonly rotary?: number
  /** Base of the rotary position embedding. */
  readonly ropeTheta?: number
  /**
   * Taps of a causal convolution over queries, keys and values, without activation (the original Mamba code).
   * Default: none.
   */
  readonly kernel?: number
  /** Bias of the projection to queries, keys and values, and of that of the output. */
  readonly bias?: boolean
  readonly outputBias?: boolean
  readonly branches?: number
}

/** Causal self-attention with rotary positions and grouped queries; scores are tiled, never length². */
export class Attention extends Mixer {
  readonly #options: Required<AttentionOptions>
  /**
   * Keys and values, of which each position has one; without room for them, each call of `sequence` begins
   * anew.
   */
  readonly slots: Slots
  /** Queries, keys and values in one projection. */
  readonly inProj: Linear
  readonly conv1d: CausalConv1d | undefined
  readonly outProj: Linear

  constructor(options: AttentionOptions) {
    super()
    const full = complete(options)
    const { width, heads, headDim, kernel, bias, outputBias, branches } = full
    this.#options = full
    const output = this.#widths.reduce((sum, part) => sum + part)
    this.inProj = new Linear({ input: width, output, bias })
    if (kernel > 0) this.conv1d = new CausalConv1d({ channels: output, kernel, activation: 'identity' })
    this.outProj = new Linear({
      input: heads * headDim,
      output: width,
      bias: outputBias,
      weight: residualFanIn(heads * headDim, branches),
    })
    const cache = slot([this.#widths[1]], { grows: true })
    this.slots = { key: cache, value: cache, ...(this.conv1d && { conv: this.conv1d.window }) }
  }

  /** Of queries, keys and values. */
  get #widths(): readonly [number, number, number] {
    const { heads, kvHeads, headDim } = this.#options
    return [heads * headDim, kvHeads * headDim, kvHeads * headDim]
  }

  sequence(x: Input, { state, reset, past }: SequenceOptions = {}): SequenceResult {
    const projected = project(x, this.inProj)
    const conv = this.conv1d?.sequence(projected, state?.conv, reset)
    const y = this.#attend(conv?.y ?? projected, { state, reset, past })
    if (!state?.key) return { y, state: {} }
    return { y, state: conv ? { ...state, conv: conv.finalWindow } : state }
  }

  step(x: Input, state: State, past?: Tensor): Tensor {
    const projected = project(x, this.inProj)
    const batch = projected.shape[0]
    const qkv = this.conv1d && state.conv ? this.conv1d.step(projected, state.conv) : projected
    const y = this.#attend(asSequence(qkv), { state, past })
    return reshape(y, [batch, y.width])
  }

  /**
   * Queries, keys and values [B, L, …] side by side to the layer's output; keys and values go into the cache,
   * if there is one.
   */
  #attend(qkv: Tensor, { state, reset, past }: SequenceOptions): Tensor {
    const [rawQ, rawK, v] = split(qkv, this.#widths) as [Tensor, Tensor, Tensor]
    const q = this.#rotate(rawQ, past)
    const k = this.#rotate(rawK, past)
    if (!state?.key || !state.value) return this.#weigh({ q, k, v, reset })
    if (past === undefined)
      throw new StateError('attention needs to know how many positions came before', { where: 'Attention' })
    cacheAppend({ cache: state.key, x: k, past })
    cacheAppend({ cache: state.value, x: v, past })
    return this.#weigh({ q, k: state.key, v: state.value, past })
  }

  /** Values weighed by attention, through the output's projection. */
  #weigh(inputs: Parameters<typeof attention>[0]): Tensor {
    const { heads, kvHeads } = this.#options
    note('pattern', () => attentionPattern(inputs, { heads, kvHeads }))
    const y = this.outProj.forward(attention(inputs, { heads, kvHeads }))
    note('out_proj', y)
    return y
  }

  #rotate(x: Tensor, past: Tensor | undefined): Tensor {
    const { headDim, rotary: rotaryDim, ropeTheta: theta } = this.#options
    return rotaryDim === 0 ? x : rope({ x, past }, { headDim, theta, rotaryDim })
  }
}

function complete(options: AttentionOptions): Required<AttentionOptions> {
  const { width, heads, kvHeads = heads, headDim = width / heads } = options
  const full = {
    rotary: headDim,
    ropeTheta: 10000,
    kernel: 0,
    bias: false,
    outputBias: false,
    branches: 1,
    ...options,
    kvHeads,
    headDim,
  }
  if (!Number.isInteger(headDim) || heads % kvHeads !== 0) {
    throw new ConfigError('heads must divide the width unless headDim is given, and kvHeads the heads', {
      where: 'Attention',
      found: `width ${width}, heads ${heads}, kvHeads ${kvHeads}`,
    })
  }
  if (full.rotary % 2 !== 0 || full.rotary > headDim) {
    throw new ConfigError('what is turned of a head must be even, and no more than the head', {
      where: 'Attention: rotary',
      found: `${full.rotary} of ${headDim}`,
    })
  }
  return full
}
