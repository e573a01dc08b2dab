/** The GPU of the tests, in Node and in the browser; `setup-gpu.ts` says which one it is. */
import type { WebGpuOptions } from '../src/devices/webgpu/adapter.ts'
import { openWebGpu, type WebGpuDevice } from '../src/devices/webgpu/device.ts'
import { withKernels } from '../src/ops/kernels/kernels.ts'
import { kernels } from '../src/ops/kernels/webgpu.ts'

const inBrowser = typeof window !== 'undefined'

/**
 * What Dawn is started with where tests run on a software adapter. WebGPU sets workgroup memory to zero
 * before a kernel runs; the code for that is most of what SwiftShader compiles. Without it, all 467
 * specialisations of kernels compile in 20 s, with it in 148 s. Our kernels write workgroup memory before
 * they read it, and a kernel that does not fails here.
 */
const SOFTWARE_FLAGS = ['enable-dawn-features=disable_workgroup_init']

/** Opens the GPU of the tests as a device of the library, with its kernels. */
export async function openTestGpu(options: WebGpuOptions = {}): Promise<WebGpuDevice> {
  const dawnFlags = !inBrowser && process.env['SIDEWINDER_TEST_SOFTWARE'] ? SOFTWARE_FLAGS : []
  const device = await openWebGpu({ software: true, dawnFlags, ...options })
  return withKernels(device as WebGpuDevice, kernels)
}

/** Node's binding crashes once an instance, adapter or device in use is collected. */
const held = new Set<object>()

/** Why there is no GPU; undefined where there is one: `describe.skipIf(whyNoGpu())('…', …)`. */
export function whyNoGpu(): string | undefined {
  if (inBrowser) return 'gpu' in navigator ? undefined : 'this browser has no WebGPU'
  return process.env['SIDEWINDER_NO_GPU']
}

let opened: Promise<GPU> | undefined

export function openGpu(): Promise<GPU> {
  return (opened ??= inBrowser ? Promise.resolve(navigator.gpu) : fromNode())
}

export async function openAdapter(): Promise<GPUAdapter> {
  const gpu = await openGpu()
  return hold(await gpu.requestAdapter({ powerPreference: 'high-performance' }))
}

export async function openGpuDevice(descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> {
  const adapter = await openAdapter()
  return hold(await adapter.requestDevice(descriptor))
}

async function fromNode(): Promise<GPU> {
  const { create, globals } = await import('webgpu')
  Object.assign(globalThis, globals)
  return hold(create([]))
}

function hold<T extends object>(item: T | null): T {
  if (!item) throw new Error('no GPU adapter')
  held.add(item)
  return item
}
