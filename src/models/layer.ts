import { GatedMLP } from '../nn/gated-mlp.ts'
import { asSequence, Normed } from '../nn/input.ts'
import type { Mixer, SequenceOptions } from '../nn/mixer.ts'
import { Module } from '../nn/module.ts'
import { RMSNorm } from '../nn/norm.ts'
import { note, underPath } from '../nn/observe.ts'
import type { Slots, State } from '../nn/states.ts'
import { add } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'

/**
 * The residual stream between layers: what the last branch made, not yet added, and the sum of all before.
 * Adding is left to the next norm, which reads both anyway.
 */
export interface Stream {
  readonly branch: Tensor
  readonly residual: Tensor | undefined
}

/** A layer of a model: from stream to stream. */
export abstract class Layer extends Module {
  /** What it remembers of a sequence. */
  abstract readonly slots: Slots

  /** Stream [B, L, width] through the layer; the state that it leaves. */
  abstract sequence(stream: Stream, options: SequenceOptions): Stream & { readonly state: State }

  /** Stream [B, width] of one position; the state changes in place. */
  abstract step(stream: Stream, state: State, past?: Tensor): Stream
}

/** What the layers of a model have in common. */
export interface LayerContext {
  readonly width: number
  readonly eps: number
  /** Residual branches of the whole model, for the scale of projections back into the stream. */
  readonly branches: number
}

/** residual += mixer(norm(residual)), and after it, if there is an MLP, residual += mlp(norm2(residual)). */
export class Block extends Layer {
  readonly norm: RMSNorm
  readonly mixer: Mixer
  readonly norm2: RMSNorm | undefined
  readonly mlp: GatedMLP | undefined

  /** `hidden` is the hidden width of the MLP; without it there is none. */
  constructor(mixer: Mixer, hidden: number | undefined, { width, eps, branches }: LayerContext) {
    super()
    this.norm = new RMSNorm(width, eps)
    this.mixer = mixer
    if (hidden === undefined) return
    this.norm2 = new RMSNorm(width, eps)
    this.mlp = new GatedMLP({ width, hidden, branches })
  }

  get slots(): Slots {
    return this.mixer.slots
  }

  sequence(stream: Stream, options: SequenceOptions): Stream & { readonly state: State } {
    const input = this.#normed(stream)
    const { y, state } = underPath('mixer', () => this.mixer.sequence(input, options))
    return { ...this.#feedForward(y, input.sum), state }
  }

  step(stream: Stream, state: State, past?: Tensor): Stream {
    const input = this.#normed(stream)
    const y = underPath('mixer', () => this.mixer.step(input, state, past))
    return this.#feedForward(y, input.sum)
  }

  #normed({ branch, residual }: Stream): Normed {
    note('normalized_input', () => asSequence(this.norm.addAndNorm(branch, residual).y))
    return new Normed(this.norm, branch, residual)
  }

  #feedForward(branch: Tensor, residual: Tensor): Stream {
    if (!this.norm2 || !this.mlp) return { branch, residual }
    note('resid_mid', () => asSequence(add(branch, residual)))
    const { y, sum } = this.norm2.addAndNorm(branch, residual)
    return { branch: this.mlp.forward(y), residual: sum }
  }
}
