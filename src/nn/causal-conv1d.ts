import { ConfigError } from '../errors.ts'
import { causalConv1d, causalConv1dUpdate, reshape } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fanIn } from './initializers.ts'
import type { Parameters } from './parameters.ts'

export interface CausalConv1dOptions {
  readonly channels: number
  /** Taps K. */
  readonly kernel: number
  readonly bias?: boolean
  /** Default: silu. */
  readonly activation?: 'silu' | 'identity'
}

/** Depthwise causal convolution, followed by SiLU unless told otherwise: weight [C, 1, K] as published. */
export class CausalConv1d {
  readonly weight: Tensor
  readonly bias: Tensor | undefined
  readonly #channels: number
  readonly #kernel: number
  readonly #activation: 'silu' | 'identity'

  constructor(at: Parameters, { channels, kernel, bias = true, activation = 'silu' }: CausalConv1dOptions) {
    if (kernel < 2) {
      throw new ConfigError('a convolution of one tap has no window', {
        where: 'CausalConv1d: kernel',
        found: kernel,
      })
    }
    this.#channels = channels
    this.#kernel = kernel
    this.#activation = activation
    this.weight = at.create('weight', [channels, 1, kernel], fanIn(kernel))
    this.bias = bias ? at.create('bias', [channels], fanIn(kernel)) : undefined
  }

  /** Shape of the window of past inputs: [B, C, K - 1]. */
  windowShape(batch: number): readonly number[] {
    return [batch, this.#channels, this.#kernel - 1]
  }

  /** x [B, L, C] to y [B, L, C], and the last K - 1 inputs. */
  sequence(x: Tensor, initialWindow?: Tensor, reset?: Tensor): { y: Tensor; finalWindow: Tensor } {
    const inputs = { x, weight: this.#taps(), bias: this.bias, initialWindow, reset }
    const { y, finalWindow } = causalConv1d(inputs, { activation: this.#activation })
    return { y, finalWindow }
  }

  /** x [B, C] to y [B, C]; the window moves on in place. */
  step(x: Tensor, window: Tensor): Tensor {
    const inputs = { window, x, weight: this.#taps(), bias: this.bias }
    return causalConv1dUpdate(inputs, { activation: this.#activation }).y
  }

  #taps(): Tensor {
    return reshape(this.weight, [this.#channels, this.#kernel])
  }
}
