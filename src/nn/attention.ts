import { ConfigError, StateError } from '../errors.ts'
import { attention, cacheAppend, rope } from '../ops/attention/index.ts'
import { zeros } from '../ops/elementwise/index.ts'
import { reshape, split } from '../ops/layout/index.ts'
import { persistent } from '../tensor/scope.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fanIn, residualFanIn } from './initializers.ts'
import { Linear } from './linear.ts'
import type { SequenceLayer, SequenceOptions, SequenceResult, State } from './module.ts'
import type { Parameters } from './parameters.ts'

export interface AttentionOptions {
  readonly width: number
  readonly heads: number
  /** Heads of keys and values, shared by groups of query heads (Ainslie et al. 2023). Default: as many as heads. */
  readonly kvHeads?: number
  /** Base of the rotary position embedding (Su et al. 2021). */
  readonly ropeTheta?: number
  readonly branches?: number
}

/** Causal self-attention with rotary positions and grouped queries; scores are tiled, never length². */
export class Attention implements SequenceLayer {
  readonly #options: Required<AttentionOptions>
  readonly #device
  /** Queries, keys and values in one projection. */
  readonly inProj: Linear
  readonly outProj: Linear

  constructor(options: AttentionOptions, at: Parameters) {
    const { width, heads } = options
    const full = { kvHeads: heads, ropeTheta: 10000, branches: 1, ...options }
    if (width % heads !== 0 || (width / heads) % 2 !== 0 || heads % full.kvHeads !== 0) {
      throw new ConfigError('width must be heads × an even head width, and heads a multiple of kvHeads', {
        where: 'Attention',
        found: `width ${width}, heads ${heads}, kvHeads ${full.kvHeads}`,
      })
    }
    this.#options = full
    this.#device = at.device
    this.inProj = new Linear(at.at('in_proj'), {
      input: width,
      output: width + 2 * this.#kvWidth,
      weight: fanIn(width),
    })
    this.outProj = new Linear(at.at('out_proj'), {
      input: width,
      output: width,
      weight: residualFanIn(width, full.branches),
    })
  }

  get #kvWidth(): number {
    const { width, heads, kvHeads } = this.#options
    return (width / heads) * kvHeads
  }

  sequence(x: Tensor, { state, reset, past }: SequenceOptions = {}): SequenceResult {
    const { width, heads, kvHeads, ropeTheta: theta } = this.#options
    const kv = this.#kvWidth
    const headDim = width / heads
    const [rawQ, rawK, v] = split(this.inProj.forward(x), [width, kv, kv]) as [Tensor, Tensor, Tensor]
    const q = rope({ x: rawQ, past }, { headDim, theta })
    const k = rope({ x: rawK, past }, { headDim, theta })
    if (!state?.key || !state.value) {
      return { y: this.outProj.forward(attention({ q, k, v, reset }, { heads, kvHeads })), state: {} }
    }
    if (past === undefined)
      throw new StateError('attention needs to know how many positions came before', { where: 'Attention' })
    cacheAppend({ cache: state.key, x: k, past })
    cacheAppend({ cache: state.value, x: v, past })
    const y = attention({ q, k: state.key, v: state.value, past }, { heads, kvHeads })
    return { y: this.outProj.forward(y), state }
  }

  step(x: Tensor, state: State, past?: Tensor): Tensor {
    const [batch, width] = x.shape as [number, number]
    return reshape(this.sequence(reshape(x, [batch, 1, width]), { state, past }).y, [batch, width])
  }

  /** A cache of `capacity` positions; without one, nothing: each call of `sequence` then begins anew. */
  createState(batch: number, capacity = 0): State {
    if (capacity === 0) return {}
    const shape = [batch, capacity, this.#kvWidth]
    return persistent(() => ({ key: zeros(this.#device, shape), value: zeros(this.#device, shape) }))
  }
}
