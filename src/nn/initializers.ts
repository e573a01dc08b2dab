/** Initial values, each with where it is published. */
import type { Random } from '../tensor/random.ts'
import { sizeOf, type Shape } from '../tensor/shape.ts'

/** Gives the initial values of a parameter of this shape, row-major. */
export type Initializer = (shape: Shape, random: Random) => Float32Array

const each =
  (value: (random: Random, i: number) => number): Initializer =>
  (shape, random) =>
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => value(random, i))

/** All 0. */
export const zeros: Initializer = each(() => 0)
/** All 1. */
export const ones: Initializer = each(() => 1)
/** All the same. */
export const constant = (value: number): Initializer => each(() => value)
/** Normally distributed around 0. */
export const normal = (deviation: number): Initializer => each((random) => random.normal(0, deviation))
/** Uniform in [-bound, bound). */
export const uniform = (bound: number): Initializer => each((random) => random.uniform(-bound, bound))

/**
 * PyTorch's default for Linear and Conv1d: uniform within 1/sqrt(fan in) (`kaiming_uniform_` with a =
 * sqrt(5)).
 */
export const fanIn = (inputs: number): Initializer => uniform(1 / Math.sqrt(inputs))

/**
 * Projections back into the residual stream, divided by sqrt(number of residual branches), so that its
 * variance does not grow with depth: GPT-2 (Radford et al. 2019, section 2.3), as the official Mamba code
 * does it.
 */
export const residualFanIn = (inputs: number, branches: number): Initializer =>
  uniform(1 / Math.sqrt(inputs * branches))

/** A = -(1, 2, ..., N) in every channel: S4D-Real (Gu et al. 2022), Mamba (Gu and Dao 2023, section 3.6). */
export const logOneToN: Initializer = (shape) => {
  const state = shape.at(-1)!
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.log((i % state) + 1))
}

/**
 * A of Mamba-2: log of a uniform number in [low, high) for each head (Dao and Gu 2024; official code: [1,
 * 16)).
 */
export const logUniform = (low: number, high: number): Initializer =>
  each((random) => Math.log(random.uniform(low, high)))

/**
 * Bias of delta such that softplus(bias) is log-uniform in [low, high] and at least `floor`
 * (Gu and Dao 2023, section 3.6: 0.001 to 0.1). The inverse of softplus is x + log(1 - exp(-x)).
 */
export const deltaBias = (low = 0.001, high = 0.1, floor = 1e-4): Initializer =>
  each((random) => {
    const delta = Math.max(Math.exp(random.uniform(Math.log(low), Math.log(high))), floor)
    return delta + Math.log(-Math.expm1(-delta))
  })

/** Log of a step size, log-uniform in [low, high] (S4D: Gu et al. 2022). */
export const logDelta = (low = 0.001, high = 0.1): Initializer =>
  each((random) => random.uniform(Math.log(low), Math.log(high)))

/** Imaginary parts pi n of S4D-Lin: A_n = -1/2 + i pi n (Gu et al. 2022, equation 9). */
export const piN: Initializer = (shape) => {
  const state = shape.at(-1)!
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.PI * (i % state))
}
