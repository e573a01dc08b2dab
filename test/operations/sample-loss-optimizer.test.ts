import { test } from 'vitest'
import { testDevices } from '../devices.ts'
import { trainingOpChecks } from '../suites/sample-loss-optimizer.ts'

testDevices(
  'operations around a model',
  (device) => {
    for (const check of trainingOpChecks) test(check.name, () => check.run(device()))
  },
  ['reference', 'wasm', 'webgpu'],
)
