import { layerNorm, rmsNorm } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { ones, zeros } from './initializers.ts'
import type { Linear } from './linear.ts'
import type { Parameters } from './parameters.ts'

/** Root-mean-square norm with a weight (Zhang and Sennrich 2019). */
export class RMSNorm {
  readonly weight: Tensor
  readonly eps: number

  constructor(at: Parameters, width: number, eps = 1e-5) {
    this.weight = at.create('weight', [width], ones)
    this.eps = eps
  }

  forward(x: Tensor): Tensor {
    return rmsNorm({ x, weight: this.weight }, { eps: this.eps }).y
  }

  /** sum = x + residual and y = norm(sum), in one pass. */
  addAndNorm(x: Tensor, residual: Tensor): { y: Tensor; sum: Tensor } {
    const { y, sum } = rmsNorm({ x, weight: this.weight, residual }, { eps: this.eps })
    return { y, sum: sum! }
  }

  /** sum = x + residual and y = linear(norm(sum)), in one launch if there are few rows. Without gradients. */
  addNormAndProject(
    x: Tensor,
    residual: Tensor | undefined,
    linear: Linear,
  ): { readonly y: Tensor; readonly sum: Tensor } {
    const { y, sum = x } = linear.ofNorm({ x, residual, scale: this.weight }, this.eps)
    return { y, sum }
  }
}

/** Layer norm with weight and bias (Ba et al. 2016). */
export class LayerNorm {
  readonly weight: Tensor
  readonly bias: Tensor
  readonly eps: number

  constructor(at: Parameters, width: number, eps = 1e-5) {
    this.weight = at.create('weight', [width], ones)
    this.bias = at.create('bias', [width], zeros)
    this.eps = eps
  }

  forward(x: Tensor): Tensor {
    return layerNorm({ x, weight: this.weight, bias: this.bias }, { eps: this.eps }).y
  }
}
