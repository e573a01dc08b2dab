import { Attention } from '../nn/mixers/attention.ts'
import { GatedMLP } from '../nn/gated-mlp.ts'
import { Mamba1 } from '../nn/mixers/mamba1.ts'
import { Mamba2 } from '../nn/mixers/mamba2.ts'
import type { SequenceLayer, SequenceOptions, State } from '../nn/module.ts'
import { RMSNorm } from '../nn/norm.ts'
import type { Parameters } from '../nn/parameters.ts'
import { S4D } from '../nn/mixers/s4d.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { LayerConfig, ModelConfig } from './config.ts'

/**
 * The residual stream between blocks: what the last branch made, not yet added, and the sum of all before. Adding is left to
 * the next norm, which reads both anyway.
 */
export interface Stream {
  readonly branch: Tensor
  readonly residual: Tensor | undefined
}

/** One layer: residual += mixer(norm(residual)), and after it, if there is an MLP, residual += mlp(norm2(residual)). */
export class Block {
  readonly norm: RMSNorm
  readonly mixer: SequenceLayer
  readonly norm2: RMSNorm | undefined
  readonly mlp: GatedMLP | undefined

  constructor(layer: LayerConfig, config: ModelConfig, at: Parameters) {
    const { width, eps } = config
    const branches = config.layers.reduce((count, each) => count + (each.mlp === undefined ? 1 : 2), 0)
    this.norm = new RMSNorm(at.at('norm'), width, eps)
    this.mixer = createMixer(layer, config, branches, at.at('mixer'))
    if (layer.mlp === undefined) return
    this.norm2 = new RMSNorm(at.at('norm2'), width, eps)
    this.mlp = new GatedMLP({ width, hidden: layer.mlp, branches }, at.at('mlp'))
  }

  /** Stream [B, L, width] through the block; the state that the mixer leaves. */
  sequence(stream: Stream, options: SequenceOptions): Stream & { readonly state: State } {
    const { y, sum } = addAndNorm(this.norm, stream)
    const mixed = this.mixer.sequence(y, options)
    return { ...this.#feedForward(mixed.y, sum), state: mixed.state }
  }

  /** Stream [B, width] of one position; the state changes in place. */
  step(stream: Stream, state: State, past?: Tensor): Stream {
    const { norm, mixer } = this
    if (mixer.stepOfNorm) {
      const { y, sum } = mixer.stepOfNorm({ norm, x: stream.branch, residual: stream.residual }, state)
      return this.#feedForward(y, sum)
    }
    const { y, sum } = addAndNorm(norm, stream)
    return this.#feedForward(mixer.step(y, state, past), sum)
  }

  #feedForward(branch: Tensor, residual: Tensor): Stream {
    if (!this.norm2 || !this.mlp) return { branch, residual }
    const { y, sum } = this.norm2.addAndNorm(branch, residual)
    return { branch: this.mlp.forward(y), residual: sum }
  }
}

/** Adds the branch to the residual and normalises the sum. */
export function addAndNorm(norm: RMSNorm, { branch, residual }: Stream): { y: Tensor; sum: Tensor } {
  return residual === undefined ? { y: norm.forward(branch), sum: branch } : norm.addAndNorm(branch, residual)
}

function createMixer(
  layer: LayerConfig,
  { width, eps }: ModelConfig,
  branches: number,
  at: Parameters,
): SequenceLayer {
  const ends = { input: width, output: width, branches }
  switch (layer.kind) {
    case 'mamba':
      return new Mamba1({ ...layer, ...ends }, at)
    case 'mamba2':
      return new Mamba2({ ...layer, ...ends, eps }, at)
    case 's4d':
      return new S4D({ ...layer, width, branches }, at)
    case 'attention':
      return new Attention({ ...layer, width, branches }, at)
    default:
      return layer satisfies never
  }
}
