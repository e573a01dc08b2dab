/** Prints what stands before a kernel's body: extensions, constants, uniforms, bindings and `flatGroup`. */
import type { DType } from '../device.ts'
import { MAX_GROUPS, type Element, type Kernel, type UniformType, type WebGpuLaunch } from './kernel.ts'
import { checkParts, presenceOf } from './part.ts'

/** What an element is in WGSL, and the dtype of operands that have such elements (undefined: any). */
const ELEMENTS: Readonly<Record<Element, { readonly wgsl: string; readonly dtype: DType | undefined }>> = {
  f32: { wgsl: 'f32', dtype: 'f32' },
  i32: { wgsl: 'i32', dtype: 'i32' },
  u32: { wgsl: 'u32', dtype: 'u32' },
  f16: { wgsl: 'u32', dtype: 'f16' },
  word: { wgsl: 'u32', dtype: undefined },
  vec4f: { wgsl: 'vec4f', dtype: 'f32' },
  vec4u: { wgsl: 'vec4u', dtype: 'u32' },
}

export interface BindingPlan {
  readonly name: string
  readonly wgsl: string
  /** What the operand must be; undefined for words of anything. */
  readonly dtype: DType | undefined
  readonly optional: boolean
  readonly writes: boolean
  readonly view: boolean
}

/** A kernel's declarations, taken apart once. */
export interface Plan {
  /** They are at binding 0, 1, … of group 0; the uniforms come last. */
  readonly bindings: readonly BindingPlan[]
  /** Uniforms from the launch, then offset and stride of each view. One word each, in this order. */
  readonly uniforms: readonly (readonly [name: string, type: UniformType])[]
}

const plans = new WeakMap<Kernel, Plan>()

/** The plan of a kernel. Throws PartError, the first time, unless its parts fit together. */
export function planOf(kernel: Kernel): Plan {
  const known = plans.get(kernel)
  if (known) return known
  checkParts(kernel)
  const bindings = Object.entries(kernel.bindings).map(([name, type]) => ({
    name,
    ...ELEMENTS[/^\w+/.exec(type)![0] as Element],
    optional: type.includes('?'),
    writes: type.endsWith(' rw'),
    view: type.endsWith(' view'),
  }))
  const views = bindings.filter(({ view }) => view)
  const uniforms: [string, UniformType][] = Object.entries(kernel.uniforms)
  for (const { name } of views) uniforms.push([`${name}Offset`, 'u32'], [`${name}Stride`, 'u32'])
  const plan = { bindings, uniforms }
  plans.set(kernel, plan)
  return plan
}

/** The whole text of the kernel as a launch specialises it: launches with the same text share a pipeline. */
export function textOf({ kernel, constants, bindings }: WebGpuLaunch): string {
  const present = planOf(kernel).bindings.map(({ name }) => bindings[name] !== undefined)
  return printKernel(kernel, constants, present)
}

/** The whole text of a kernel. `present` says of each binding whether it comes with an operand. */
export function printKernel(
  kernel: Kernel,
  constants: Readonly<Record<string, number | boolean>>,
  present: readonly boolean[],
): string {
  const { bindings, uniforms } = planOf(kernel)
  const lines = (kernel.enable ?? []).map((extension) => `enable ${extension};`)
  lines.push(`const MAX_GROUPS: u32 = ${MAX_GROUPS};`)
  for (const [name, type] of Object.entries(kernel.constants))
    lines.push(`const ${name}: ${type} = ${constants[name]};`)
  for (const [i, { name, optional }] of bindings.entries()) {
    if (optional) lines.push(`const ${presenceOf(name)}: bool = ${present[i]};`)
  }
  for (const [i, { name, wgsl, dtype, writes }] of bindings.entries()) {
    lines.push(
      `@group(0) @binding(${i}) var<storage, ${writes ? 'read_write' : 'read'}> ${name}: array<${wgsl}>;`,
    )
    if (dtype === 'f16') {
      lines.push(
        `fn ${name}Half(i: u32) -> u32 { return extractBits(${name}[i / 2u], 16u * (i % 2u), 16u); }`,
      )
    }
  }
  if (uniforms.length > 0) {
    lines.push(`struct Uniforms { ${uniforms.map(([name, type]) => `${name}: ${type}`).join(', ')} }`)
    lines.push(`@group(0) @binding(${bindings.length}) var<uniform> u: Uniforms;`)
  }
  lines.push('fn flatGroup(group: vec3u) -> u32 { return group.x + group.y * MAX_GROUPS; }')
  for (const { text } of kernel.parts ?? []) lines.push(text)
  if (kernel.body !== undefined) lines.push(kernel.body)
  return `${lines.join('\n')}\n`
}
