import { describe, test } from 'vitest'
import { openDevice } from '../../src/ops/open-device.ts'
import { testDevices } from '../devices.ts'
import { opFixtureChecks, type OpFixtureAdapter } from '../suites/op-fixtures.ts'

/** Tests every case of a family on the reference and on all fast devices, by each adapter: they share what is compiled. */
export async function testFamily(family: string, ...adapters: readonly OpFixtureAdapter[]): Promise<void> {
  const reference = await openDevice('reference')
  const checks = (await Promise.all(adapters.map((adapter) => opFixtureChecks(family, adapter)))).flat()
  describe('fixtures on reference', () => {
    for (const check of checks) test(check.name, () => check.run(reference))
  })
  testDevices('fixtures', (device) => {
    for (const check of checks) test(check.name, () => check.run(device()))
  })
}
