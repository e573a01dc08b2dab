import { embeddingBy, linearBy, normLinear } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fanIn, normal, type Initializer } from './initializers.ts'
import { Module } from './module.ts'
import { Parameter, parameter } from './parameter.ts'

/** Sizes of a projection. */
export interface LinearOptions {
  readonly input: number
  readonly output: number
  /** true: initial values as PyTorch's; an initializer: its values. Default: no bias. */
  readonly bias?: boolean | Initializer
  /**
   * Initial values, or the parameter of another module that is to be this one's too. Default: as PyTorch's.
   */
  readonly weight?: Initializer | Parameter
}

/** y = x weightᵀ + bias; weight [output, input]. */
export class Linear extends Module {
  readonly weight: Parameter
  readonly bias: Parameter | undefined

  constructor({ input, output, bias = false, weight = fanIn(input) }: LinearOptions) {
    super()
    this.weight =
      weight instanceof Parameter ? weight : parameter([output, input], { init: weight, packable: true })
    const init = bias === true ? fanIn(input) : bias
    this.bias = init ? parameter([output], { init }) : undefined
  }

  /** x [..., input] to [..., output]. */
  forward(x: Tensor): Tensor {
    return linearBy(x, this.weight.value, this.bias?.tensor)
  }

  /**
   * Of the RMS norm of x + residual, or of x silu(z), times `scale`: x [B, input]. Also x + residual. Without
   * gradients.
   */
  ofNorm(
    inputs: {
      readonly x: Tensor
      readonly residual?: Tensor | undefined
      readonly z?: Tensor
      readonly scale: Tensor
    },
    eps: number,
  ): { readonly y: Tensor; readonly sum?: Tensor | undefined } {
    return normLinear(inputs, this.weight.value, this.bias?.tensor, { eps })
  }
}

/**
 * Vectors [width] of the tokens of a vocabulary. Initial values are normal with deviation 0.02, as in the
 * official code.
 */
export class Embedding extends Module {
  readonly weight: Parameter

  constructor(vocabulary: number, width: number) {
    super()
    this.weight = parameter([vocabulary, width], { init: normal(0.02), packable: true })
  }

  /** tokens i32 [...] to [..., width]. */
  forward(tokens: Tensor): Tensor {
    return embeddingBy(tokens, this.weight.value)
  }
}
