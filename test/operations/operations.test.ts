import { expect, test, vi } from 'vitest'
import { operationCases } from '../../src/ops/table.ts'
import { inNode, inPages, testDevices } from '../devices.ts'
import { deviceChecks } from '../suites/operations.ts'
import { PAGE_CASES } from '../suites/page-cases.ts'

const all = operationCases.flatMap((set) => deviceChecks(set))
const names = new Set(
  Object.entries(PAGE_CASES).flatMap(([name, cases]) => cases.map((each) => `${name}: ${each}`)),
)
const ofPages = all.filter(({ name }) => names.has(name))

testDevices(
  'operations',
  (device) => {
    for (const check of all) test(check.name, () => check.run(device()))
  },
  ['wasm'],
)

testDevices(
  'operations',
  (device) => {
    const launched = new Map<string, readonly string[]>()
    for (const check of all) {
      test(check.name, async () => {
        const run = vi.spyOn(device(), 'run')
        await check.run(device())
        const launches = run.mock.calls.flat(2) as { readonly kernel: { readonly name: string } }[]
        launched.set(
          check.name,
          launches.map(({ kernel }) => kernel.name),
        )
        run.mockRestore()
      })
    }

    test('what pages run of it launches every kernel', () => {
      expect(ofPages).toHaveLength(names.size)
      const there = new Set(ofPages.flatMap(({ name }) => launched.get(name) ?? []))
      expect(there).toEqual(new Set([...launched.values()].flat()))
    })
  },
  inNode('webgpu'),
)

testDevices(
  'operations, each kernel',
  (device) => {
    for (const check of ofPages) test(check.name, () => check.run(device()))
  },
  inPages('webgpu'),
)
