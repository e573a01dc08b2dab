/** Finds a GPU: the browser's, or Dawn's through the package `webgpu` in Node. */
import type * as Dawn from 'webgpu'
import type { ChoiceValues } from '../choices.ts'
import { DeviceError } from '../../errors.ts'
import { isNode } from '../../platform.ts'
import { expectMatrices, MATRIX_FEATURE, withMatrixFlags } from './subgroup-matrix.ts'
import { lacksVulkan } from './vulkan.ts'

export interface WebGpuOptions {
  /** Accept an adapter that computes on the CPU. Good for tests only. */
  readonly software?: boolean
  /** Products on matrix units: see `DeviceOptions`. */
  readonly subgroupMatrix?: boolean
  /**
   * In Node, Dawn is started with these flags, such as `backend=vulkan` or
   * `enable-dawn-features=allow_unsafe_apis`.
   */
  readonly dawnFlags?: readonly string[]
  readonly choices?: Partial<ChoiceValues>
}

export interface OpenGpu {
  readonly device: GPUDevice
  readonly info: GPUAdapterInfo
  readonly software: boolean
  readonly subgroupMatrix: boolean
}

/**
 * Node's binding crashes once an instance, adapter or device in use is collected: the module holds them for
 * ever.
 */
const held = new Set<object>()
const instances = new Map<string, Promise<GPU>>()

const WANTED_FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query']

/** Limits of which kernels and tensors can use more than WebGPU guarantees. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
] as const

export async function openGpu({
  software = false,
  subgroupMatrix = false,
  dawnFlags = [],
}: WebGpuOptions): Promise<OpenGpu> {
  const gpu = await instanceOf(subgroupMatrix ? withMatrixFlags(dawnFlags) : dawnFlags)
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) {
    throw new DeviceError('WebGPU finds no adapter', {
      hint: 'Check the graphics driver (Vulkan, Metal or D3D12), or take the device wasm',
    })
  }
  held.add(adapter)
  const { info } = adapter
  const isSoftware = computesOnCpu(adapter)
  if (isSoftware && !software) {
    throw new DeviceError('the only WebGPU adapter computes on the CPU', {
      found: nameOf(info),
      hint: 'The device wasm is faster; open webgpu with { software: true } to take it all the same',
    })
  }
  if (subgroupMatrix) expectMatrices(adapter)
  const wanted = subgroupMatrix ? [...WANTED_FEATURES, MATRIX_FEATURE] : WANTED_FEATURES
  const requiredFeatures = wanted.filter((feature) => adapter.features.has(feature))
  const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, adapter.limits[limit]]))
  try {
    const device = await adapter.requestDevice({ requiredFeatures, requiredLimits })
    held.add(device)
    return { device, info, software: isSoftware, subgroupMatrix }
  } catch (cause) {
    throw new DeviceError('the WebGPU adapter gave no device', {
      where: nameOf(info),
      found: String(cause),
      cause,
    })
  }
}

/** Ends a device, and lets go of it once the GPU has confirmed that. */
export function endGpu(device: GPUDevice): void {
  device.destroy()
  void device.lost.then(() => held.delete(device))
}

/** Vendor, architecture and description, without repetitions. */
export function nameOf({ vendor, architecture, description }: GPUAdapterInfo): string {
  const parts = [vendor, architecture, description].filter(Boolean)
  return (
    parts.filter((part, i) => !parts.some((other, j) => j > i && other.includes(part))).join(' ') || 'unnamed'
  )
}

function computesOnCpu(adapter: GPUAdapter): boolean {
  const { info } = adapter
  const old = adapter as { readonly isFallbackAdapter?: boolean }
  if (info.isFallbackAdapter || old.isFallbackAdapter) return true
  const words = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`
  return /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i.test(words)
}

function instanceOf(dawnFlags: readonly string[]): Promise<GPU> {
  const native = (globalThis.navigator as Navigator | undefined)?.gpu
  if (native) return Promise.resolve(native)
  if (!isNode) {
    return Promise.reject(
      new DeviceError('this browser has no WebGPU', {
        hint: 'It needs a recent browser and a secure page (https or localhost); the device wasm runs everywhere',
      }),
    )
  }
  const key = dawnFlags.join('\n')
  const known = instances.get(key)
  if (known) return known
  const instance = createInstance(dawnFlags)
  instances.set(key, instance)
  instance.catch(() => instances.delete(key))
  return instance
}

async function createInstance(dawnFlags: readonly string[]): Promise<GPU> {
  if (lacksVulkan()) {
    throw new DeviceError('WebGPU needs Vulkan, whose loader libvulkan.so.1 is not here', {
      hint: 'Install it with the graphics driver (Debian: libvulkan1), or take the device wasm',
    })
  }
  // Bundlers must not see the name: the package is optional, and browsers have no use for it.
  const name = 'webgpu'
  let dawn: typeof Dawn
  try {
    dawn = await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ name)
  } catch (cause) {
    const missing = (cause as { code?: string }).code === 'ERR_MODULE_NOT_FOUND'
    throw new DeviceError(
      missing ? 'WebGPU in Node needs the package webgpu' : 'the package webgpu does not start',
      missing ? { hint: 'Run: npm install webgpu', cause } : { found: String(cause), cause },
    )
  }
  const instance = dawn.create([...dawnFlags])
  held.add(instance)
  return instance
}
