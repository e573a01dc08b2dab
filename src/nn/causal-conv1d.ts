import { ConfigError } from '../errors.ts'
import { causalConv1d, causalConv1dUpdate, reshape } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fanIn } from './initializers.ts'
import { asSequence } from './input.ts'
import { Module } from './module.ts'
import { note } from './observe.ts'
import { parameter, type Parameter } from './parameter.ts'
import { slot, type Slot } from './states.ts'

export interface CausalConv1dOptions {
  readonly channels: number
  /** Taps K. */
  readonly kernel: number
  readonly bias?: boolean
  /** Default: silu. */
  readonly activation?: 'silu' | 'identity'
}

/** Depthwise causal convolution, followed by SiLU unless told otherwise: weight [C, 1, K] as published. */
export class CausalConv1d extends Module {
  readonly weight: Parameter
  readonly bias: Parameter | undefined
  readonly #channels: number
  readonly #kernel: number
  readonly #activation: 'silu' | 'identity'

  constructor({ channels, kernel, bias = true, activation = 'silu' }: CausalConv1dOptions) {
    super()
    if (kernel < 2) {
      throw new ConfigError('a convolution of one tap has no window', {
        where: 'CausalConv1d: kernel',
        found: kernel,
      })
    }
    this.#channels = channels
    this.#kernel = kernel
    this.#activation = activation
    this.weight = parameter([channels, 1, kernel], { init: fanIn(kernel) })
    this.bias = bias ? parameter([channels], { init: fanIn(kernel) }) : undefined
  }

  /** The last K - 1 inputs: [C, K - 1]. */
  get window(): Slot {
    return slot([this.#channels, this.#kernel - 1])
  }

  /** x [B, L, C] to y [B, L, C], and the last K - 1 inputs. */
  sequence(x: Tensor, initialWindow?: Tensor, reset?: Tensor): { y: Tensor; finalWindow: Tensor } {
    const inputs = { x, weight: this.#taps(), bias: this.bias?.tensor, initialWindow, reset }
    this.#note(inputs)
    return causalConv1d(inputs, { activation: this.#activation })
  }

  /** x [B, C] to y [B, C]; the window moves on in place. */
  step(x: Tensor, window: Tensor): Tensor {
    const inputs = { window, x, weight: this.#taps(), bias: this.bias?.tensor }
    this.#note({ ...inputs, initialWindow: window })
    return causalConv1dUpdate(inputs, { activation: this.#activation }).y
  }

  /** What comes out before the activation, which is one kernel with the convolution. */
  #note(inputs: Parameters<typeof causalConv1d>[0]): void {
    note('conv', () => causalConv1d({ ...inputs, x: asSequence(inputs.x) }, { activation: 'identity' }).y)
  }

  #taps(): Tensor {
    return reshape(this.weight.tensor, [this.#channels, this.#kernel])
  }
}
