import * as v from 'valibot'
import { flag, objectWith, oneOf, optionsOf, whole } from '../check.ts'
import type { ChoiceValues } from '../devices/choices.ts'
import type { AnyDevice, DeviceName } from '../devices/device.ts'
import { DeviceError, describe } from '../errors.ts'
import { isNode } from '../platform.ts'
import { withKernels } from './kernels/kernels.ts'

/** How a device is opened. */
export interface DeviceOptions {
  /** wasm: threads that compute, the calling one included. Default: the cores there are, at most 16. */
  readonly threads?: number
  /** wasm: the build of the kernels. Default `auto`: relaxed SIMD where the engine has it. */
  readonly simd?: 'auto' | 'base' | 'relaxed'
  /**
   * wasm: whether V8 may join pairs of vectors where it can (14.6, Node 26): products are then twice as fast.
   * Kernels are checked before they are used. Default: yes.
   */
  readonly revectorize?: boolean
  /**
   * wasm, in a page whose content security policy forbids `worker-src blob:`: where the page serves the file
   * `sidewinder/thread` (dist/thread.js), which threads are started from.
   */
  readonly worker?: string | URL
  /** webgpu: accept a software adapter. `auto` never takes one unless asked. */
  readonly software?: boolean
  /**
   * webgpu: many rows times f16 weights on the GPU's matrix units: several times faster, but activations are
   * rounded to half precision there. Experimental in Dawn; DeviceError where it is not offered.
   */
  readonly subgroupMatrix?: boolean
  /**
   * Sizes that cut the kernels, in place of those that were measured. `sidewinder bench --explain` shows what
   * there is.
   */
  readonly choices?: Partial<ChoiceValues>
}

/**
 * Opens a device, and loads its code and its kernels first: nothing of another device is loaded. `auto` is
 * webgpu where a hardware adapter is found, else wasm. Whoever opens a device ends it, with `destroy` or
 * `using`. If it is dropped instead, it ends when the engine collects it, and nobody knows when that is.
 *
 * @throws DeviceError if the named device is not there: nothing falls back in silence. ConfigError for
 *   options that do not exist, or cannot be
 */
export async function openDevice(
  name: DeviceName | 'auto' = 'auto',
  options: DeviceOptions = {},
): Promise<AnyDevice> {
  return open(name, readOptions(options, 'openDevice'))
}

/** A device that is there, or the name of one. */
export const DEVICE = v.union(
  [
    oneOf(['auto', 'webgpu', 'wasm', 'reference']),
    objectWith<AnyDevice>('', 'createArena', 'run', 'synchronize'),
  ],
  'auto, webgpu, wasm, reference, or what openDevice gives',
)

const readOptions = optionsOf<DeviceOptions>({
  threads: whole(1, 256),
  simd: oneOf(['auto', 'base', 'relaxed']),
  revectorize: flag,
  worker: v.union([v.string(), v.instance(URL)], 'an address'),
  software: flag,
  subgroupMatrix: flag,
  choices: v.record(v.string(), v.number(), 'sizes by name'),
})

async function open(name: DeviceName | 'auto', options: DeviceOptions): Promise<AnyDevice> {
  switch (name) {
    case 'reference':
      return openReference()
    case 'wasm':
      return openWasm(options)
    case 'webgpu':
      return openWebGpu(options)
    case 'auto':
      // Asked first, so that a page without WebGPU does not load its kernels.
      if (!isNode && !('gpu' in globalThis.navigator)) return openWasm(options)
      try {
        return await open('webgpu', options)
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error
        return open('wasm', options)
      }
    default:
      throw new DeviceError('no such device', {
        expected: 'auto, webgpu, wasm or reference',
        found: describe(name satisfies never),
      })
  }
}

async function openReference(): Promise<AnyDevice> {
  const [{ ReferenceDevice }, { kernels }] = await Promise.all([
    import('../devices/reference/device.ts'),
    import('./kernels/reference.ts'),
  ])
  return withKernels(new ReferenceDevice(), kernels)
}

async function openWasm(options: DeviceOptions): Promise<AnyDevice> {
  const [device, { kernels }] = await Promise.all([
    import('../devices/wasm/device.ts'),
    import('./kernels/wasm.ts'),
  ])
  return withKernels(await device.openWasm(options), kernels)
}

async function openWebGpu(options: DeviceOptions): Promise<AnyDevice> {
  const [device, { kernels }] = await Promise.all([
    import('../devices/webgpu/device.ts'),
    import('./kernels/webgpu.ts'),
  ])
  return withKernels(await device.openWebGpu(options), kernels)
}
