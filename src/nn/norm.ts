import { layerNorm, rmsNorm } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { ones, zeros } from './initializers.ts'
import { Module } from './module.ts'
import { parameter } from './parameter.ts'

/** Root-mean-square norm with a weight (Zhang and Sennrich 2019). */
export class RMSNorm extends Module {
  readonly eps: number
  readonly weight

  constructor(width: number, eps = 1e-5) {
    super()
    this.eps = eps
    this.weight = parameter([width], { init: ones })
  }

  /** x [..., width] to the same shape. */
  forward(x: Tensor): Tensor {
    return rmsNorm({ x, weight: this.weight.tensor }, { eps: this.eps }).y
  }

  /** sum = x + residual (x if there is none) and y = norm(sum), in one pass. */
  addAndNorm(x: Tensor, residual: Tensor | undefined): { y: Tensor; sum: Tensor } {
    const { y, sum = x } = rmsNorm({ x, weight: this.weight.tensor, residual }, { eps: this.eps })
    return { y, sum }
  }
}

/** Layer norm with weight and bias (Ba et al. 2016). */
export class LayerNorm extends Module {
  readonly eps: number
  readonly weight
  readonly bias

  constructor(width: number, eps = 1e-5) {
    super()
    this.eps = eps
    this.weight = parameter([width], { init: ones })
    this.bias = parameter([width], { init: zeros })
  }

  /** x [..., width] to the same shape. */
  forward(x: Tensor): Tensor {
    return layerNorm({ x, weight: this.weight.tensor, bias: this.bias.tensor }, { eps: this.eps }).y
  }
}
