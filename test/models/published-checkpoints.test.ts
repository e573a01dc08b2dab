import { test } from 'vitest'
import { inNode, testDevices } from '../devices.ts'
import { modelChecks, MODELS } from '../suites/models.ts'

/** The first checkpoint of each kind shows what its kind needs. */
const first = new Set(
  new Map(
    Object.entries(MODELS)
      .toReversed()
      .map(([name, { kind }]) => [kind, name]),
  ).values(),
)

testDevices(
  'published checkpoints',
  (device, repeats, name) => {
    for (const model of Object.keys(MODELS)) {
      for (const check of modelChecks(model)) {
        // Decoding and training launch what a model needs of a GPU.
        const isEnough = first.has(model) && (name !== 'webgpu' || /: (greedy|loss)/.test(check.name))
        test(check.name, isEnough ? {} : repeats, () => check.run(device()))
      }
    }
  },
  [...inNode('reference'), 'wasm', 'webgpu'],
)
