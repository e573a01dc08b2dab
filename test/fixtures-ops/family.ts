import { describe, test } from 'vitest'
import { ReferenceDevice } from '../../src/devices/reference/device.ts'
import { testDevices } from '../devices.ts'
import { opFixtureChecks, type OpFixtureAdapter } from '../suites/op-fixtures.ts'

/** Tests every case of a family on the reference and on all fast devices, by each adapter: they share what is compiled. */
export async function testFamily(family: string, ...adapters: readonly OpFixtureAdapter[]): Promise<void> {
  const checks = (await Promise.all(adapters.map((adapter) => opFixtureChecks(family, adapter)))).flat()
  describe('fixtures on reference', () => {
    for (const check of checks) test(check.name, () => check.run(new ReferenceDevice()))
  })
  testDevices('fixtures', (device) => {
    for (const check of checks) test(check.name, () => check.run(device()))
  })
}
