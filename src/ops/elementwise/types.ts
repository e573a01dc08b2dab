import type { Tensor } from '../../tensor/tensor.ts'

/** The operators, in the order of the number that kernels know them by. */
export const OPERATORS = ['add', 'subtract', 'multiply', 'divide'] as const
export type Operator = (typeof OPERATORS)[number]

/** a, b [...], shapes that broadcast */
export type BinaryInputs = { readonly a: Tensor; readonly b: Tensor }
/** y [...], their common shape */
export type BinaryOutputs = { readonly y: Tensor }
export type BinaryParams = { readonly operator: Operator }

/** x [...] */
export type ScaleInputs = { readonly x: Tensor }
/** y [...], the shape of x */
export type ScaleOutputs = { readonly y: Tensor }
export type ScaleParams = { readonly factor: number; readonly shift: number }

/** into, x [...], one shape; f32 or i32 */
export type IntoInputs = { readonly into: Tensor; readonly x: Tensor }
/** into [...]; f32 or i32 */
export type FillInputs = { readonly into: Tensor }
export type FillParams = { readonly value: number }
export type NoOutputs = object
