/** Prints what stands before a kernel's body: extensions, constants, uniforms, bindings and `flatGroup`. */
import { MAX_GROUPS, type Kernel, type UniformType, type WebGpuLaunch } from './kernel.ts'

export interface BindingPlan {
  readonly name: string
  readonly element: string
  readonly optional: boolean
  readonly writes: boolean
  readonly view: boolean
}

/** A kernel's declarations, taken apart once. */
export interface Plan {
  /** At binding 0, 1, … of group 0; the uniforms come last. */
  readonly bindings: readonly BindingPlan[]
  /** Uniforms from the launch, then offset and stride of each view. One word each, in this order. */
  readonly uniforms: readonly (readonly [name: string, type: UniformType])[]
}

const plans = new WeakMap<Kernel, Plan>()

export function planOf(kernel: Kernel): Plan {
  const known = plans.get(kernel)
  if (known) return known
  const bindings = Object.entries(kernel.bindings).map(([name, type]) => ({
    name,
    element: /^\w+/.exec(type)![0],
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
    if (optional) lines.push(`const HAS_${capitals(name)}: bool = ${present[i]};`)
  }
  for (const [i, { name, element, writes }] of bindings.entries()) {
    lines.push(
      `@group(0) @binding(${i}) var<storage, ${writes ? 'read_write' : 'read'}> ${name}: array<${element}>;`,
    )
  }
  if (uniforms.length > 0) {
    lines.push(`struct Uniforms { ${uniforms.map(([name, type]) => `${name}: ${type}`).join(', ')} }`)
    lines.push(`@group(0) @binding(${bindings.length}) var<uniform> u: Uniforms;`)
  }
  lines.push('fn flatGroup(group: vec3u) -> u32 { return group.x + group.y * MAX_GROUPS; }')
  return `${lines.join('\n')}\n${kernel.body}\n`
}

/** deltaBias -> DELTA_BIAS */
function capitals(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()
}
