import { test } from 'vitest'
import { inNode, inPage, testDevices } from '../devices.ts'
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
        // Decoding and training are enough on a GPU, and where a kind has no kernels of its own.
        const isShort = name === 'webgpu' || MODELS[model].short
        const isEnough = !isShort || /: (greedy|loss)/.test(check.name)
        // In pages, a GPU gets each kernel once.
        const isKnown = inPage && name === 'webgpu' && MODELS[model].short
        test(check.name, first.has(model) && isEnough && !isKnown ? {} : repeats, () => check.run(device()))
      }
    }
  },
  [...inNode('reference'), 'wasm', 'webgpu'],
)
