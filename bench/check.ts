// Runs the checks of operations and models on a device of this machine, without a test runner: for machines that have a GPU and
// little else. node scripts/run-ts.mjs bench/check.ts webgpu [only]; with --subgroup-matrix, those of products on matrix units.
import { parseArgs } from 'node:util'
import type { DeviceName } from '../src/devices/device.ts'
import { openDevice } from '../src/ops/open-device.ts'
import { operationCases } from '../src/ops/table.ts'
import { modelChecks, MODELS } from '../test/suites/models.ts'
import { deviceChecks } from '../test/suites/operations.ts'
import { matrixChecks } from '../test/suites/subgroup-matrix.ts'

const { values, positionals } = parseArgs({
  options: { 'subgroup-matrix': { type: 'boolean', default: false } },
  allowPositionals: true,
})
const [name = 'webgpu', only = ''] = positionals
const subgroupMatrix = values['subgroup-matrix']
const device = await openDevice(name as DeviceName, { subgroupMatrix })
console.log(device.description)
const checks = subgroupMatrix
  ? matrixChecks
  : [...operationCases.flatMap(deviceChecks), ...Object.keys(MODELS).flatMap(modelChecks)]
let [passed, failed] = [0, 0]
for (const check of checks.filter((each) => each.name.includes(only))) {
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
process.exitCode = failed === 0 ? 0 : 1
