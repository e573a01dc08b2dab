import { beforeAll, expect, test } from 'vitest'
import { operationCases } from '../../src/ops/table.ts'
import { inPage, testDevices } from '../devices.ts'
import { leaveOut } from '../left-out.ts'
import type { StartingCheck } from '../suites/check.ts'
import { deviceChecks } from '../suites/operations.ts'
import {
  covering,
  launchesOfChecks,
  watchedLaunches,
  type Specialisations,
} from '../suites/specialisations.ts'

const checks = operationCases.flatMap((set) => deviceChecks(set))

testDevices(
  'operations',
  (device) => {
    for (const check of checks) test(check.name, () => check.run(device()))
  },
  ['wasm'],
)

/**
 * In pages, as many checks as launch each kernel: its specialisations are compiled in Node by the same
 * compiler.
 */
const keysOf = (launches: Specialisations): Set<string> =>
  new Set(inPage ? launches.values() : launches.keys())

testDevices(
  'operations',
  (device) => {
    const wanted = new Set<string>()
    const launched = new Set<string>()
    let chosen: ReadonlySet<StartingCheck>

    beforeAll(() => {
      const keys = new Map(
        [...launchesOfChecks(device(), checks)].map(([check, launches]) => [check, keysOf(launches)]),
      )
      for (const set of keys.values()) for (const key of set) wanted.add(key)
      chosen = covering(keys)
    })

    for (const check of checks) {
      test(check.name, async (context) => {
        if (!chosen.has(check)) leaveOut(context, 'gpu')
        const launches = await watchedLaunches(device(), () => check.run(device()))
        for (const key of keysOf(launches)) launched.add(key)
      })
    }

    test(`every ${inPage ? 'kernel' : 'specialisation of a kernel'} was launched`, () => {
      expect(wanted.size).toBeGreaterThan(0)
      expect(launched).toEqual(wanted)
    })
  },
  ['webgpu'],
)
