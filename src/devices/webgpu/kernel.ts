/**
 * A WGSL kernel as data. The device prints the header (`enable`, `const`, uniform struct, bindings), then the
 * text of the kernel's parts, then its body. Parts are text that kernels share, with the names that each
 * needs and gives: see `part.ts`. Nothing is put into a text when a kernel is launched: what differs between
 * launches is a uniform or a constant.
 *
 * - A binding says what its operand's elements are: `f32`, `i32`, `u32` or `f16`. An operand of another dtype
 *   is refused. `x: 'f32'` becomes `var<storage, read> x: array<f32>`; with ` rw` it may be written.
 * - `vec4f` and `vec4u` read four elements of f32 or u32 at once: whoever launches the kernel sees to it that
 *   all begins at a multiple of four.
 * - `word` takes operands of any dtype: `array<u32>`, the bits as they are.
 * - `f16` is `array<u32>` as well, as not every adapter has halves in WGSL. A word holds two halves, the
 *   first in its low bits, and the header has `xHalf(i: u32) -> u32` for the bits of element i. Behind an odd
 *   number of elements, the upper half of the last word may belong to another tensor: a kernel that changes
 *   an input in place keeps it as it is.
 * - `?` marks an optional binding: the header has `const HAS_X: bool` (the name in capitals, words split by
 *   `_`), and a small dummy buffer is bound when it is absent.
 * - ` view` marks an input that comes with its own offset and row stride: the uniforms get `xOffset` and
 *   `xStride` (in elements), and the kernel reads `x[u.xOffset + row * u.xStride + column]`. All other
 *   operands are bound at their first element.
 * - Uniforms are read as `u.rows`. They are fixed by a launch and kept by a recording: what changes from one
 *   replay to the next lives in tensors.
 * - Constants specialise the pipeline (tile sizes, switches): each new combination of values is compiled
 *   anew, so there should be few.
 */
import type { Operand } from '../device.ts'
import type { Part } from './part.ts'

export type Element = 'f32' | 'i32' | 'u32' | 'f16' | 'word' | 'vec4f' | 'vec4u'
export type BindingType = `${Element}${'' | '?'}${'' | ' rw' | ' view'}`
export type UniformType = 'u32' | 'i32' | 'f32'
export type ConstantType = 'u32' | 'i32' | 'f32' | 'bool'

export type Bindings = Readonly<Record<string, BindingType>>
export type Uniforms = Readonly<Record<string, UniformType>>
export type Constants = Readonly<Record<string, ConstantType>>

export interface Kernel<
  B extends Bindings = Bindings,
  U extends Uniforms = Uniforms,
  C extends Constants = Constants,
> {
  readonly name: string
  /** WGSL extensions that the body uses: `f16`, `subgroups`, `chromium_experimental_subgroup_matrix`. */
  readonly enable?: readonly string[]
  readonly bindings: B
  readonly uniforms: U
  readonly constants: C
  /** Shared text that stands before the body. */
  readonly parts?: readonly Part[]
  /** The kernel's own WGSL. It or one of the parts has the entry point, `main`. */
  readonly body?: string
}

/** Workgroups along x, y, z. Each at most 65,535: see `gridOf`. */
export type Grid = readonly [x: number, y?: number, z?: number]

type BindingValues<B extends Bindings> = {
  readonly [K in keyof B as B[K] extends `${string}?${string}` ? never : K]: Operand
} & { readonly [K in keyof B as B[K] extends `${string}?${string}` ? K : never]?: Operand | undefined }

type ConstantValues<C extends Constants> = { readonly [K in keyof C]: C[K] extends 'bool' ? boolean : number }

export interface WebGpuLaunch {
  readonly kernel: Kernel
  readonly bindings: Readonly<Record<string, Operand | undefined>>
  readonly uniforms: Readonly<Record<string, number>>
  readonly constants: Readonly<Record<string, number | boolean>>
  readonly grid: Grid
}

/** Declares a kernel; the types of its bindings, uniforms and constants check every launch. */
export function defineKernel<const B extends Bindings, const U extends Uniforms, const C extends Constants>(
  kernel: Kernel<B, U, C>,
): Kernel<B, U, C> {
  return kernel
}

/** A launch of `kernel` over a grid of workgroups. */
export function launch<B extends Bindings, U extends Uniforms, C extends Constants>(
  kernel: Kernel<B, U, C>,
  values: {
    readonly bindings: BindingValues<B>
    readonly uniforms: { readonly [K in keyof U]: number }
    readonly constants: ConstantValues<C>
    readonly grid: Grid
  },
): WebGpuLaunch {
  return { kernel, ...values }
}

/** WebGPU takes so many workgroups along one axis of a grid. */
export const MAX_GROUPS = 65535

/**
 * Workgroups of `perGroup` items that cover `items`, folded into x and y if they are many. The header of
 * every kernel has `flatGroup(workgroup_id)`: the number of the workgroup, to be compared with the count of
 * items.
 */
export function gridOf(items: number, perGroup: number): Grid {
  const groups = Math.max(1, Math.ceil(items / perGroup))
  return groups <= MAX_GROUPS ? [groups] : [MAX_GROUPS, Math.ceil(groups / MAX_GROUPS)]
}
