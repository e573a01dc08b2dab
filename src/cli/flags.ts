/** Flags whose values are checked before anything runs. */
import { InvalidArgumentError, Option } from 'commander'
import * as v from 'valibot'
import type { AnyDevice, DeviceName } from '../devices/device.ts'
import { MAX_THREADS } from '../devices/wasm/thread.ts'
import { openDevice } from '../ops/open-device.ts'
import { whole } from '../check.ts'

/** `webgpu-software` computes WebGPU on the CPU: slow, for machines without a GPU and for tests. */
const DEVICES = ['auto', 'webgpu', 'wasm', 'webgpu-software'] as const

/** A flag with a number that the schema describes: its message says what is expected. */
export function numberFlag(
  flags: string,
  description: string,
  schema: v.GenericSchema<number | undefined, number | undefined>,
): Option {
  return new Option(flags, description).argParser((text) => {
    const result = v.safeParse(schema, text.trim() === '' ? Number.NaN : Number(text))
    if (result.success) return result.output
    throw new InvalidArgumentError(`Expected ${result.issues[0].message}.`)
  })
}

export const deviceFlag = (): Option =>
  new Option('--device <name>', 'where to compute').choices(DEVICES).default('auto')

export const threadsFlag = (): Option =>
  numberFlag('--threads <n>', 'threads of wasm (default: all cores)', whole(1, MAX_THREADS))

export interface DeviceFlags {
  readonly device: DeviceName | (typeof DEVICES)[number]
  readonly threads?: number
}

/** Opens a device for `body`, and gives it back after it. */
export async function withDevice<T>(
  { device: name, threads }: DeviceFlags,
  body: (device: AnyDevice) => Promise<T>,
): Promise<T> {
  const software = name === 'webgpu-software'
  const device = await openDevice(software ? 'webgpu' : name, { threads, software })
  try {
    return await body(device)
  } finally {
    device.destroy()
  }
}
