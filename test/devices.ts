import { afterAll, beforeAll, describe, inject, type TestOptions } from 'vitest'
import type { AnyDevice, DeviceName } from '../src/devices/device.ts'
import { openDevice } from '../src/ops/open-device.ts'
import { openTestGpu, whyNoGpu } from './gpu.ts'
import { onlyIn } from './left-out.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /**
     * The devices of this run; none stands for all. `vitest.config.ts` reads them from
     * SIDEWINDER_TEST_DEVICES.
     */
    readonly devices: readonly string[]
  }
}

const ALL: readonly DeviceName[] = ['wasm', 'webgpu']

/** Whether this is a page, not Node. */
export const inPage = typeof window !== 'undefined'

/** What a suite, where pages run it too, takes in Node only: it would say the same again there, slowly. */
export const inNode = <const Item>(...items: readonly Item[]): readonly Item[] => (inPage ? [] : items)

/**
 * One suite for each fast device. `body` gets a function that gives the open device, and options for its
 * tests that repeat on other inputs what other tests of the suite show already: a default run leaves these
 * out on WebGPU, and in pages. Last comes the name of the device.
 * `SIDEWINDER_TEST_DEVICES=wasm` narrows the devices. Without a GPU adapter, software or real, the webgpu
 * suite is skipped with a line that says why.
 */
export function testDevices(
  title: string,
  body: (device: () => AnyDevice, repeats: TestOptions, name: DeviceName) => void,
  names = ALL,
): void {
  const wanted = inject('devices')
  for (const name of names) {
    const isWanted = wanted.length === 0 || wanted.includes(name)
    const missing = isWanted ? (name === 'webgpu' ? whyNoGpu() : undefined) : 'not asked for'
    describe.skipIf(missing !== undefined)(
      `${title} on ${name}${missing ? ` (skipped: ${missing})` : ''}`,
      () => {
        let device: AnyDevice | undefined
        beforeAll(async () => {
          device = name === 'webgpu' ? await openTestGpu() : await openDevice(name, { threads: 2 })
        })
        afterAll(() => device?.destroy())
        body(() => device!, repeatsOn(name), name)
      },
    )
  }
}

function repeatsOn(name: DeviceName): TestOptions {
  if (name === 'webgpu') return onlyIn('gpu')
  return inPage ? onlyIn('long') : {}
}
