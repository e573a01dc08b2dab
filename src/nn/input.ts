import { activeTape } from '../autograd/tape.ts'
import { StateError } from '../errors.ts'
import { reshape } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Linear } from './linear.ts'
import type { RMSNorm } from './norm.ts'

/** What a layer is given: a tensor, or one that is still to be computed. See `valueOf` and `project`. */
export type Input = Tensor | Normed

/** The input itself. */
export function valueOf(input: Input): Tensor {
  return input instanceof Normed ? input.value() : input
}

/** `linear` of the input: of a norm not yet computed, in one launch with it where that can be done. */
export function project(input: Input, linear: Linear): Tensor {
  return input instanceof Normed ? input.project(linear) : linear.forward(input)
}

/** A single position [B, W] as a sequence [B, 1, W]. A sequence stays as it is. */
export function asSequence(x: Tensor): Tensor {
  return x.shape.length === 2 ? reshape(x, [x.shape[0], 1, x.width]) : x
}

/**
 * The norm of branch + residual, computed when it is asked for. Single positions outside a tape never compute
 * it: norm and projection are one launch, which saves a launch and a pass over the norm for each layer of a
 * decoding step.
 */
export class Normed {
  readonly #norm: RMSNorm
  readonly #branch: Tensor
  readonly #residual: Tensor | undefined
  #value: Tensor | undefined
  #sum: Tensor | undefined

  constructor(norm: RMSNorm, branch: Tensor, residual: Tensor | undefined) {
    this.#norm = norm
    this.#branch = branch
    this.#residual = residual
  }

  /** branch + residual. Known once the input was used. */
  get sum(): Tensor {
    if (this.#sum) return this.#sum
    throw new StateError('the layer did not read its input', { where: 'Normed' })
  }

  /** norm(branch + residual) */
  value(): Tensor {
    if (this.#value) return this.#value
    const { y, sum } = this.#norm.addAndNorm(this.#branch, this.#residual)
    this.#sum = sum
    return (this.#value = y)
  }

  /** linear(norm(branch + residual)) */
  project(linear: Linear): Tensor {
    const single = this.#branch.shape.length === 2
    if (!single || this.#value || activeTape()) return linear.forward(this.value())
    const { weight, eps } = this.#norm
    const inputs = { x: this.#branch, residual: this.#residual, scale: weight.tensor }
    const { y, sum = this.#branch } = linear.ofNorm(inputs, eps)
    this.#sum = sum
    return y
  }
}
