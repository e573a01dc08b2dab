import type { Tensor } from '../../tensor/tensor.ts'

/** All operations here see a run of axes in the middle: [outer, n, inner], reduced or repeated along n. */
export type ReduceInputs = { /** x [outer, n, inner] */ readonly x: Tensor }

export type ReduceOutputs = { /** y [outer, inner] */ readonly y: Tensor }

export type SumParams = { /** y = factor · Σ x */ readonly factor: number }

export type BroadcastInputs = { /** x [outer, inner] */ readonly x: Tensor }

export type BroadcastOutputs = { /** y [outer, n, inner] */ readonly y: Tensor }

export type BroadcastParams = { readonly n: number; readonly factor: number }

export type MaxBackwardInputs = {
  /** x [outer, n, inner] */ readonly x: Tensor
  /** y, dy [outer, inner] */ readonly y: Tensor
  readonly dy: Tensor
}

export type MaxBackwardOutputs = { readonly dx: Tensor }
