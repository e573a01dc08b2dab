import { test } from 'vitest'
import { testDevices } from '../devices.ts'
import { lossChecks } from '../suites/by-hand/loss.ts'
import { optimizerChecks } from '../suites/by-hand/optimizer.ts'
import { samplingChecks } from '../suites/by-hand/sampling.ts'

testDevices(
  'operations around a model',
  (device) => {
    for (const check of [...samplingChecks, ...lossChecks, ...optimizerChecks])
      test(check.name, () => check.run(device()))
  },
  ['reference', 'wasm', 'webgpu'],
)
