import { exp, scale } from '../ops/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Initializer } from './initializers.ts'
import type { Parameters } from './parameters.ts'

/**
 * How states decay: A = -exp(A_log), which keeps it negative. GGUF files hold A itself; it is then the parameter, so that what
 * was read can be written again to the last bit.
 */
export class Decay {
  readonly #aLog: Tensor | undefined
  readonly #A: Tensor | undefined

  constructor(at: Parameters, shape: Shape, aLog: Initializer) {
    if (at.stored('A')) this.#A = at.create('A', shape, aLog)
    else this.#aLog = at.create('A_log', shape, aLog)
  }

  /** What a step in place takes: the parameter as it is stored, and whether that is A_log. */
  get stored(): { readonly A: Tensor; readonly logDecay: boolean } {
    return { A: (this.#A ?? this.#aLog)!, logDecay: this.#A === undefined }
  }

  /** A, of the shape of the parameter; negative. */
  A(): Tensor {
    return this.#A ?? scale(exp(this.#aLog!), -1)
  }
}
