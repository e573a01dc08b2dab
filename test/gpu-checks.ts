// Runs all checks without a test runner, for machines that have a device to test and little else: see
// scripts/test-more.mjs. node scripts/run-ts.mjs test/gpu-checks.ts [device] [only]; with --subgroup-matrix,
// the checks of products on matrix units.
import { parseArgs } from 'node:util'
import type { DeviceName } from '../src/devices/device.ts'
import { openDevice } from '../src/ops/open-device.ts'
import { operationCases } from '../src/ops/table.ts'
import { lossChecks } from './suites/by-hand/loss.ts'
import { optimizerChecks } from './suites/by-hand/optimizer.ts'
import { samplingChecks } from './suites/by-hand/sampling.ts'
import type { Check } from './suites/check.ts'
import { fixtureFamilies } from './suites/fixtures/families.ts'
import { ltiChecks } from './suites/lti-forms.ts'
import { modelChecks, MODELS } from './suites/models.ts'
import { opFixtureChecks } from './suites/op-fixtures.ts'
import { deviceChecks } from './suites/operations.ts'
import { matrixChecks } from './suites/subgroup-matrix.ts'

const { values, positionals } = parseArgs({
  options: { 'subgroup-matrix': { type: 'boolean', default: false } },
  allowPositionals: true,
})
const [name = 'webgpu', only = ''] = positionals
const subgroupMatrix = values['subgroup-matrix']
const device = await openDevice(name as DeviceName, { subgroupMatrix })
console.log(device.description)

async function allChecks(): Promise<readonly Check[]> {
  if (subgroupMatrix) return matrixChecks
  const families = Object.entries(fixtureFamilies).flatMap(([family, adapters]) =>
    adapters.map((adapter) => opFixtureChecks(family, adapter)),
  )
  return [
    ...operationCases.flatMap(deviceChecks),
    ...(await Promise.all(families)).flat(),
    ...samplingChecks,
    ...lossChecks,
    ...optimizerChecks,
    ...ltiChecks,
    ...Object.keys(MODELS).flatMap(modelChecks),
  ]
}

let [passed, failed] = [0, 0]
for (const check of await allChecks()) {
  if (!check.name.includes(only)) continue
  try {
    await check.run(device)
    passed++
  } catch (error) {
    failed++
    console.log(`FAILED ${check.name}: ${String(error).slice(0, 300)}`)
  }
}
console.log(`${passed} passed, ${failed} failed`)
device.destroy()
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
