/** Specialises and compiles kernels. Each specialisation is compiled once. */
import { DeviceError } from '../../errors.ts'
import type { Failures } from './failures.ts'
import { planOf, textOf } from './header.ts'
import type { WebGpuLaunch } from './kernel.ts'

export interface Pipeline {
  readonly pipeline: GPUComputePipeline
  readonly layout: Layout
  /** Why it cannot run, once known. */
  error?: DeviceError
}

/**
 * Layouts are explicit: one that WebGPU derives would lack the bindings that a specialisation does not use.
 */
export interface Layout {
  readonly id: number
  readonly group: GPUBindGroupLayout
  readonly pipeline: GPUPipelineLayout
}

export class Pipelines {
  readonly #device: GPUDevice
  readonly #failures: Failures
  readonly #bySpecialisation = new Map<WebGpuLaunch['kernel'], Map<string, Pipeline>>()
  readonly #byText = new Map<string, Pipeline>()
  readonly #layouts = new Map<string, Layout>()

  constructor(device: GPUDevice, failures: Failures) {
    this.#device = device
    this.#failures = failures
  }

  /** The number of compiled pipelines. */
  get size(): number {
    return this.#byText.size
  }

  get(launch: WebGpuLaunch): Pipeline {
    const { kernel, constants, bindings } = launch
    let specialisations = this.#bySpecialisation.get(kernel)
    if (!specialisations) this.#bySpecialisation.set(kernel, (specialisations = new Map<string, Pipeline>()))
    let key = ''
    for (const name in kernel.constants) key += `${constants[name]} `
    const { bindings: planned } = planOf(kernel)
    for (const { name, optional } of planned) if (optional) key += bindings[name] ? '+' : '-'
    let found = specialisations.get(key)
    if (!found) {
      const text = textOf(launch)
      found = this.#byText.get(text) ?? this.#compile(launch, text)
      this.#byText.set(text, found)
      specialisations.set(key, found)
    }
    if (found.error) throw found.error
    return found
  }

  #compile({ kernel }: WebGpuLaunch, text: string): Pipeline {
    this.#checkLimits(kernel)
    const label = kernel.name
    const layout = this.#layoutOf(kernel)
    const made = this.#failures.watch(
      'validation',
      () => {
        const module = this.#device.createShaderModule({ label, code: text })
        const pipeline = this.#device.createComputePipeline({
          label,
          layout: layout.pipeline,
          compute: { module, entryPoint: 'main' },
        })
        const compiled: Pipeline = { pipeline, layout }
        return { module, compiled }
      },
      async (error, { module, compiled }) => {
        const { messages } = await module.getCompilationInfo()
        compiled.error = compileError(label, text, messages, error.message)
        return compiled.error
      },
    )
    return made.compiled
  }

  #checkLimits(kernel: WebGpuLaunch['kernel']): void {
    const { maxStorageBuffersPerShaderStage: most } = this.#device.limits
    const count = planOf(kernel).bindings.length
    if (count > most) {
      throw new DeviceError('the kernel needs more storage buffers than this GPU offers', {
        where: kernel.name,
        expected: `at most ${most} (maxStorageBuffersPerShaderStage)`,
        found: count,
        hint: 'Use the device wasm on this machine',
      })
    }
    for (const extension of kernel.enable ?? []) {
      const feature = (extension === 'f16' ? 'shader-f16' : extension.replaceAll('_', '-')) as GPUFeatureName
      if (this.#device.features.has(feature)) continue
      throw new DeviceError('the kernel needs a feature that this GPU lacks', {
        where: kernel.name,
        expected: feature,
      })
    }
  }

  #layoutOf(kernel: WebGpuLaunch['kernel']): Layout {
    const { bindings, uniforms } = planOf(kernel)
    const types: GPUBufferBindingType[] = bindings.map(({ writes }) =>
      writes ? 'storage' : 'read-only-storage',
    )
    if (uniforms.length > 0) types.push('uniform')
    const key = types.join()
    const known = this.#layouts.get(key)
    if (known) return known
    const group = this.#device.createBindGroupLayout({
      label: kernel.name,
      entries: types.map((type, binding) => ({ binding, visibility: 4, buffer: { type } })),
    })
    const pipeline = this.#device.createPipelineLayout({ bindGroupLayouts: [group] })
    const layout = { id: this.#layouts.size, group, pipeline }
    this.#layouts.set(key, layout)
    return layout
  }
}

/** An error with the compiler's messages, each with the lines that it is about. */
function compileError(
  name: string,
  text: string,
  messages: readonly GPUCompilationMessage[],
  otherwise: string,
): DeviceError {
  const errors = messages.filter(({ type }) => type === 'error')
  if (errors.length === 0)
    return new DeviceError('the kernel does not compile', { where: name, found: otherwise })
  const lines = text.split('\n')
  const shown = errors.slice(0, 3).map(({ lineNum, linePos, message }) => {
    const from = Math.max(lineNum - 3, 1)
    const excerpt = lines
      .slice(from - 1, lineNum + 2)
      .map((line, i) => `${String(from + i).padStart(5)} | ${line}`)
    excerpt.splice(lineNum - from + 1, 0, `${' '.repeat(7 + linePos)}^`)
    return `line ${lineNum}:${linePos}: ${message}\n${excerpt.join('\n')}`
  })
  const more = errors.length > 3 ? `\nand ${errors.length - 3} more` : ''
  return new DeviceError('the kernel does not compile', {
    where: name,
    found: `\n${shown.join('\n')}${more}`,
  })
}
