/**
 * Cases for the generic suite: an operation, and inputs for it. The suite runs every case on every device
 * against the reference, checks the reference's gradients by finite differences, and runs each device twice
 * for the same bits.
 */
import type { DType } from '../devices/device.ts'
import { roundToHalf } from '../devices/half.ts'
import type { Random } from '../tensor/random.ts'
import { sizeOf, type Shape } from '../tensor/shape.ts'
import type { AnyOperation, Named, Operation, Params } from './operation.ts'

/** How a test input is drawn. Values are numbers that the dtype has, so that all devices see the same. */
export interface Draw {
  readonly shape: Shape
  readonly dtype: DType
  /** If set, the input is a view: the middle columns of rows this wide. */
  readonly columnsOf?: number | undefined
  /** For f16 numbers that half precision has. */
  draw(random: Random): Float32Array | Int32Array | Uint32Array
}

export type Drawn<I extends Named> = { readonly [K in keyof I]: Draw | Extract<I[K], undefined> }

export interface Case<I extends Named = Named, P extends Params = Params> {
  readonly inputs: Drawn<I>
  readonly params: P
  /** Largest relative error (by norm) of outputs and of gradients against the reference. */
  readonly tolerance?: { readonly out?: number; readonly grad?: number }
  /** False where the function has no derivative at the drawn point, or finite differences cannot see it. */
  readonly finiteDifferences?: boolean
}

// oxlint-disable-next-line typescript/no-explicit-any
type AnyCase = Case<any, any>

export interface CaseSet {
  readonly operation: AnyOperation
  readonly cases: Readonly<Record<string, AnyCase>>
}

/** Cases of one operation, by name. */
export function cases<I extends Named, O extends Named, P extends Params>(
  operation: Operation<I, O, P>,
  list: Readonly<Record<string, Case<I, P>>>,
): CaseSet {
  return { operation, cases: list }
}

interface NormalOptions {
  readonly mean?: number
  readonly deviation?: number
  /** Takes absolute values, plus 0.1. */
  readonly positive?: boolean
  readonly columnsOf?: number
}

/** Normally distributed values. */
export function normal(shape: Shape, options: NormalOptions = {}): Draw {
  const { mean = 0, deviation = 1, positive = false, columnsOf } = options
  const value = (random: Random): number => {
    const x = random.normal(mean, deviation)
    return positive ? Math.abs(x) + 0.1 : x
  }
  return {
    shape,
    dtype: 'f32',
    ...(columnsOf === undefined ? {} : { columnsOf }),
    draw: (random) => Float32Array.from({ length: sizeOf(shape) }, () => value(random)),
  }
}

/** Normally distributed values, rounded to half precision. */
export function halves(shape: Shape, options: NormalOptions = {}): Draw {
  const exact = normal(shape, options)
  return {
    ...exact,
    dtype: 'f16',
    draw: (random) => Float32Array.from(exact.draw(random), roundToHalf),
  }
}

/** Uniform values in [low, high). */
export function uniform(
  shape: Shape,
  low: number,
  high: number,
  options: { readonly columnsOf?: number } = {},
): Draw {
  return {
    shape,
    dtype: 'f32',
    ...options,
    draw: (random) => Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(low, high)),
  }
}

/** Uniform integers in [low, high). */
export function integers(shape: Shape, low: number, high: number): Draw {
  return {
    shape,
    dtype: 'i32',
    draw: (random) => Int32Array.from({ length: sizeOf(shape) }, () => low + random.integer(high - low)),
  }
}

/** The given values. */
export function values(shape: Shape, list: readonly number[], dtype: 'f32' | 'i32' = 'f32'): Draw {
  return { shape, dtype, draw: () => (dtype === 'i32' ? Int32Array.from(list) : Float32Array.from(list)) }
}
