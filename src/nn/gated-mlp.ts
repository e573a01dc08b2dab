import { multiply, silu, split } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { residualFanIn } from './initializers.ts'
import { Linear } from './linear.ts'
import { Module } from './module.ts'

/** Sizes of a gated MLP. */
export interface GatedMLPOptions {
  readonly width: number
  readonly hidden: number
  /** Residual branches of the model around, for the scale of the second projection. */
  readonly branches?: number
}

/**
 * SwiGLU (Shazeer 2020): y = fc2(value · silu(gate)); fc1 makes value and gate, the gate last, as the
 * original Mamba code.
 */
export class GatedMLP extends Module {
  readonly #hidden: number
  readonly fc1: Linear
  readonly fc2: Linear

  constructor({ width, hidden, branches = 1 }: GatedMLPOptions) {
    super()
    this.#hidden = hidden
    this.fc1 = new Linear({ input: width, output: 2 * hidden })
    this.fc2 = new Linear({ input: hidden, output: width, weight: residualFanIn(hidden, branches) })
  }

  /** x [..., width] to [..., width]. */
  forward(x: Tensor): Tensor {
    const [value, gate] = split(this.fc1.forward(x), [this.#hidden, this.#hidden]) as [Tensor, Tensor]
    return this.fc2.forward(multiply(value, silu(gate)))
  }
}
