import { test } from 'vitest'
import { testDevices } from '../devices.ts'
import { sampleLossOptimizerChecks } from '../suites/sample-loss-optimizer.ts'

testDevices(
  'operations around a model',
  (device) => {
    for (const check of sampleLossOptimizerChecks) test(check.name, () => check.run(device()))
  },
  ['reference', 'wasm', 'webgpu'],
)
