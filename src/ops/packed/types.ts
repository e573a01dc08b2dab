import type { Tensor } from '../../tensor/tensor.ts'
import type { Activation } from '../activation/kinds.ts'
import type { PackedFormat } from './format.ts'

/** W [N, K] in a packed format. */
export type PackedParams = {
  readonly format: PackedFormat
  /** N. What the panels hold beyond is zero. */
  readonly rows: number
}

export type PackedLinearInputs = {
  /** x [..., K], rows any stride apart */
  readonly x: Tensor
  /** words u32 [panels, words of a panel] */
  readonly words: Tensor
  /** bias [N] */
  readonly bias?: Tensor | undefined
  /** residual [..., N], added last */
  readonly residual?: Tensor | undefined
}
/** y [..., N] */
export type PackedLinearOutputs = { readonly y: Tensor }
export type PackedLinearParams = PackedParams & { readonly activation: Activation }

export type PackedEmbeddingInputs = {
  /** tokens i32 [...] */
  readonly tokens: Tensor
  /** words u32 [panels, words of a panel] */
  readonly words: Tensor
}
/** y [..., K] */
export type PackedEmbeddingOutputs = { readonly y: Tensor }
export type PackedEmbeddingParams = PackedParams & {
  /** K */
  readonly columns: number
}

/** Of operations whose weight [N, K] is f32 or packed. */
export type EitherParams = {
  /** N */
  readonly rows: number
  /** What the weight is packed as; f32 if absent. */
  readonly format?: PackedFormat | undefined
}
