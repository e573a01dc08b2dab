import { type Activation, linearBy, normLinear, type Weight } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fanIn, type Initializer } from './initializers.ts'
import type { Parameters } from './parameters.ts'

export interface LinearOptions {
  readonly input: number
  readonly output: number
  readonly bias?: boolean
  readonly weight?: Initializer
}

/** y = x weightᵀ + bias; weight [output, input]. */
export class Linear {
  readonly weight: Weight
  readonly bias: Tensor | undefined

  constructor(at: Parameters, { input, output, bias = false, weight = fanIn(input) }: LinearOptions) {
    this.weight = at.matrix('weight', [output, input], weight)
    this.bias = bias ? at.create('bias', [output], fanIn(input)) : undefined
  }

  forward(x: Tensor, options: { readonly activation?: Activation } = {}): Tensor {
    return linearBy(x, this.weight, this.bias, options)
  }

  /** Of the RMS norm of x + residual, or of x silu(z), times `scale`: x [B, input]. Also x + residual. Without gradients. */
  ofNorm(
    inputs: {
      readonly x: Tensor
      readonly residual?: Tensor | undefined
      readonly z?: Tensor
      readonly scale: Tensor
    },
    eps: number,
  ): { readonly y: Tensor; readonly sum?: Tensor | undefined } {
    return normLinear(inputs, this.weight, this.bias, { eps })
  }
}
