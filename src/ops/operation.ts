/**
 * What an operation is: named tensors in, named tensors out. Its kernels stand in the tables of the devices
 * (kernels.ts), or it is composed of other operations. See CONTRIBUTING.md for how to add one. `apply` runs
 * them.
 */
import type { AnyDevice, DType } from '../devices/device.ts'
import type { Shape } from '../tensor/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** Named tensors; an optional one may be undefined. */
export type Named = object
export type Params = object

/** A tensor as the reference sees it: contiguous float64 values (integers too), row-major. */
export interface NdArray {
  readonly data: Float64Array
  readonly shape: Shape
}

export type Arrays<T extends Named> = {
  readonly [K in keyof T]: T[K] extends Tensor ? NdArray : NdArray | undefined
}

/** The dtypes that an input may have. */
export type DTypes = DType | readonly DType[]

/** Shape and dtype of an output to be made. */
export interface OutputRule {
  readonly shape: Shape
  readonly dtype?: DType
}

/** `undefined` for an output that this call does not have. */
export type OutputRules<O extends Named> = { readonly [K in keyof O]: OutputRule | undefined }

/** What a kernel function is given. */
export interface Call<I extends Named, O extends Named, P extends Params> {
  readonly inputs: I
  readonly outputs: O
  readonly params: P
  readonly device: AnyDevice
  /**
   * Memory for this call alone, given back when its launches are queued; f32 unless another dtype is asked
   * for.
   */
  readonly scratch: (shape: Shape, dtype?: DType) => Tensor
}

/** What a gradient is made from. */
export interface GradientCall<I extends Named, O extends Named, P extends Params> {
  /** Only those named in `saved` hold values; of the others, shapes. */
  readonly inputs: I
  readonly outputs: O
  readonly params: P
  /** Gradients of the outputs; undefined where nothing depends on one. */
  readonly grads: { readonly [K in keyof O]?: Tensor }
  /** Whether the gradient of this input is asked for. */
  readonly wants: (input: keyof I) => boolean
}

interface Common<I extends Named, O extends Named, P extends Params> {
  readonly name: string
  /** What `gradient` reads the values of. Default: nothing. */
  readonly saved?: readonly (keyof I | keyof O)[]
  /** Gradients of the differentiable inputs, as formulas in other operations. Absent: not differentiable. */
  readonly gradient?: (call: GradientCall<I, O, P>) => { readonly [K in keyof I]?: Tensor | undefined }
}

/** An operation with kernels, or with a formula in other operations, or with both. */
export interface KernelOperation<I extends Named, O extends Named, P extends Params> extends Common<I, O, P> {
  /** The shape rule: throws ShapeError, or gives the outputs to allocate. */
  readonly outputs: (inputs: I, params: P) => OutputRules<O>
  /**
   * The dtypes that kernels exist for: of all inputs, or of some by name. What is not named is f32. `apply`
   * checks it.
   */
  readonly dtypes?: DTypes | { readonly [K in keyof I]?: DTypes }
  /** Inputs whose kernels take strided rows (offset, rowStride). All others arrive contiguous. */
  readonly views?: readonly (keyof I)[]
  /** Inputs that the kernels change in place. */
  readonly mutates?: readonly (keyof I)[]
  /**
   * The operation as a formula in other operations: what runs where a device has no kernel for a call.
   * Without a `gradient`, it also runs where a gradient is wanted, which then follows from those operations.
   * Outputs are new tensors.
   */
  readonly compose?: (inputs: I, params: P) => O
}

/** An operation that moves nothing: its outputs are views on its inputs. */
export interface ViewOperation<I extends Named, O extends Named, P extends Params> extends Common<I, O, P> {
  readonly view: (inputs: I, params: P) => O
}

export type Operation<I extends Named, O extends Named, P extends Params> =
  | KernelOperation<I, O, P>
  | ViewOperation<I, O, P>

/** What the kernels of an operation are given. */
export type CallOf<Op> = Op extends KernelOperation<infer I, infer O, infer P> ? Call<I, O, P> : never

// oxlint-disable-next-line typescript/no-explicit-any
export type AnyOperation = Operation<any, any, any>

export function defineOperation<I extends Named, O extends Named, P extends Params>(
  operation: KernelOperation<I, O, P>,
): KernelOperation<I, O, P> {
  return operation
}

export function defineView<I extends Named, O extends Named, P extends Params>(
  operation: ViewOperation<I, O, P>,
): ViewOperation<I, O, P> {
  return operation
}
