import { afterAll, beforeAll, describe } from 'vitest'
import type { AnyDevice, DeviceName } from '../src/devices/device.ts'
import { openDevice } from '../src/ops/open-device.ts'
import { whyNoGpu } from './gpu.ts'

const ALL: readonly DeviceName[] = ['wasm', 'webgpu']

const page = typeof window !== 'undefined'

/** What a suite, where pages run it too, takes in Node only: it would say the same again there, slowly. */
export const inNode = <const Item>(...items: readonly Item[]): readonly Item[] => (page ? [] : items)

/** And what it takes in pages only: what is left of it there. */
export const inPages = <const Item>(...items: readonly Item[]): readonly Item[] => (page ? items : [])

/**
 * One suite for each fast device: `body` gets a function that gives the open device. `SIDEWINDER_TEST_DEVICES=wasm` narrows
 * it. Without a GPU adapter, software or real, the webgpu suite is skipped with a line that says why.
 */
export function testDevices(title: string, body: (device: () => AnyDevice) => void, names = ALL): void {
  const wanted = globalThis.process?.env['SIDEWINDER_TEST_DEVICES']?.split(',')
  for (const name of names) {
    if (wanted && !wanted.includes(name)) continue
    const missing = name === 'webgpu' ? whyNoGpu() : undefined
    describe.skipIf(missing !== undefined)(
      `${title} on ${name}${missing ? ` (skipped: ${missing})` : ''}`,
      () => {
        let device: AnyDevice | undefined
        beforeAll(async () => {
          device = await openDevice(name, { threads: 2, software: true })
        })
        afterAll(() => device?.destroy())
        body(() => device!)
      },
    )
  }
}
