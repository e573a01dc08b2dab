/**
 * Operations against float64 results of others: every case on the reference and on wasm; on WebGPU as the
 * cover says.
 */
import { beforeAll, describe, test } from 'vitest'
import { openDevice } from '../../src/ops/open-device.ts'
import { testDevices } from '../devices.ts'
import { leaveOut } from '../left-out.ts'
import type { StartingCheck } from '../suites/check.ts'
import { fixtureFamilies } from '../suites/fixtures/families.ts'
import { opFixtureChecks } from '../suites/op-fixtures.ts'
import { covering, launchesOfChecks } from '../suites/specialisations.ts'

const families = Object.entries(fixtureFamilies).flatMap(([family, adapters]) =>
  adapters.map((adapter) => opFixtureChecks(family, adapter)),
)
const checks = (await Promise.all(families)).flat()
const reference = await openDevice('reference')

describe('fixtures on reference', () => {
  for (const check of checks) test(check.name, () => check.run(reference))
})

testDevices(
  'fixtures',
  (device) => {
    for (const check of checks) test(check.name, () => check.run(device()))
  },
  ['wasm'],
)

testDevices(
  'fixtures',
  (device) => {
    let chosen: ReadonlySet<StartingCheck>
    beforeAll(() => {
      const launches = launchesOfChecks(device(), checks)
      chosen = covering(new Map([...launches].map(([check, each]) => [check, new Set(each.keys())])))
    })
    for (const check of checks) {
      test(check.name, async (context) => {
        if (!chosen.has(check)) leaveOut(context, 'gpu')
        await check.run(device())
      })
    }
  },
  ['webgpu'],
)
