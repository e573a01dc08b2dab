import type { Shape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** x [...], contiguous, or rows any stride apart if the last axis stays */
export type ReshapeInputs = { readonly x: Tensor }
export type ReshapeParams = { readonly shape: Shape }
/** x [..., W], rows any stride apart */
export type ColumnsInputs = { readonly x: Tensor }
/** Columns [start, start + width) of the last axis. */
export type ColumnsParams = { readonly start: number; readonly width: number }
export type ColumnsOutputs = { readonly y: Tensor }
export type SplitParams = { readonly widths: readonly number[] }
/** Tensors of the same rows, named part0, part1, ... */
export type Parts = Readonly<Record<string, Tensor | undefined>>
/** Widths of the parts; a part that is missing is zeros. `leading` are the axes in front of the last. */
export type ConcatParams = { readonly leading: Shape; readonly widths: readonly number[] }
export type ConcatOutputs = { readonly y: Tensor }

/** The name of part `i`. */
export const part = (i: number): string => `part${i}`
