import { test } from 'vitest'
import { inNode, testDevices } from './devices.ts'
import { modelChecks, MODELS } from './suites/models.ts'

testDevices(
  'published checkpoints',
  (device) => {
    for (const name of Object.keys(MODELS))
      for (const check of modelChecks(name)) test(check.name, () => check.run(device()))
  },
  [...inNode('reference'), 'wasm', 'webgpu'],
)
