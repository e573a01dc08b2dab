import type { Tensor } from '../../tensor/tensor.ts'

/** tokens i32 [...]; weight [V, D] */
export type EmbeddingInputs = { readonly tokens: Tensor; readonly weight: Tensor }

/** y [..., D] */
export type EmbeddingOutputs = { readonly y: Tensor }

/** rows [..., D], rows any stride apart; indices i32 [...] */
export type ScatterAddInputs = { readonly rows: Tensor; readonly indices: Tensor }

/** y [count, D] */
export type ScatterAddOutputs = { readonly y: Tensor }

/** The size of the result. */
export type ScatterAddParams = { readonly count: number }
