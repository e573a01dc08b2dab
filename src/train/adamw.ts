import { between, flag, optionsOf } from '../check.ts'
import { DISPOSE } from '../disposal.ts'
import type { Parameter } from '../nn/parameter.ts'
import { adamWStep, zeros } from '../ops/index.ts'
import { persistent } from '../tensor/scope.ts'
import { empty, type Tensor } from '../tensor/tensor.ts'

/** The constants of AdamW (Loshchilov and Hutter 2019). */
export interface AdamWOptions {
  readonly beta1?: number
  readonly beta2?: number
  readonly eps?: number
  /** Decoupled decay of matrices, as a part of the learning rate. */
  readonly weightDecay?: number
  /** Decay every parameter, not only matrices. */
  readonly decayAll?: boolean
}

const readOptions = optionsOf<AdamWOptions>({
  // At 1 the moments are never those of the gradient.
  beta1: between(0, 1 - 2 ** -24),
  beta2: between(0, 1 - 2 ** -24),
  // Where there was never a gradient, 0 / (0 + eps) must be a number.
  eps: between(1e-30, 1),
  weightDecay: between(0, 1e6),
  decayAll: flag,
})

/** First and second moment of one parameter's gradient. */
export interface Moments {
  readonly m: Tensor
  readonly v: Tensor
}

/**
 * Describes AdamW (Loshchilov and Hutter 2019): `adamW({ weightDecay: 0.1 })`. Defaults: betas 0.9, 0.95,
 * decay 0.1.
 */
export function adamW(options: AdamWOptions = {}): Required<AdamWOptions> {
  return {
    beta1: 0.9,
    beta2: 0.95,
    eps: 1e-8,
    weightDecay: 0.1,
    decayAll: false,
    ...readOptions(options, 'adamW'),
  }
}

/**
 * AdamW over a model's parameters. What changes from step to step (rate, bias corrections) lies in a tensor,
 * so that a recorded step can be replayed: call `prepare` before each.
 */
export class AdamW {
  readonly #options: Required<AdamWOptions>
  readonly #parameters: ReadonlyMap<string, Parameter>
  readonly moments = new Map<string, Moments>()
  readonly #decayed: Tensor
  readonly #plain: Tensor

  constructor(parameters: ReadonlyMap<string, Parameter>, options: AdamWOptions) {
    this.#options = adamW(options)
    this.#parameters = parameters
    const [first] = parameters.values()
    const { device } = first.tensor
    ;[this.#decayed, this.#plain] = persistent(() => [empty(device, [8]), empty(device, [8])])
    for (const [name, { tensor: parameter }] of parameters) {
      const moments = persistent(() => ({
        m: zeros(device, parameter.shape),
        v: zeros(device, parameter.shape),
      }))
      this.moments.set(name, moments)
    }
  }

  /** Sets the learning rate and the count of steps done before, for the updates that follow. */
  prepare(rate: number, stepsDone: number): void {
    const { beta1, beta2, eps, weightDecay } = this.#options
    const t = stepsDone + 1
    const hyper = (decay: number): Float32Array =>
      Float32Array.of(rate, beta1, beta2, eps, decay, 1 - beta1 ** t, 1 - beta2 ** t, 0)
    this.#decayed.write(hyper(weightDecay))
    this.#plain.write(hyper(0))
  }

  /** Changes the parameters that have a gradient. `gradientScale` [1] multiplies all gradients (clipping). */
  update(gradients: ReadonlyMap<Tensor, Tensor>, gradientScale: Tensor): void {
    for (const [name, { tensor: parameter, decay }] of this.#parameters) {
      const gradient = gradients.get(parameter)
      if (!gradient) continue
      const hyper = decay || this.#options.decayAll ? this.#decayed : this.#plain
      adamWStep({ parameter, gradient, ...this.moments.get(name)!, hyper, gradientScale })
    }
  }

  /** Gives the memory of the moments back. */
  dispose(): void {
    for (const { m, v } of this.moments.values()) {
      m.dispose()
      v.dispose()
    }
    this.#decayed.dispose()
    this.#plain.dispose()
  }

  [DISPOSE](): void {
    this.dispose()
  }
}
