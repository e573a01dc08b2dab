import { test } from 'vitest'
import { inNode, inPage, testDevices } from '../devices.ts'
import { modelChecks, MODELS } from '../suites/models.ts'

/**
 * The first checkpoint of each kind shows what its kind needs. Decoding and training are enough in pages, and where a kind has no
 * kernels of its own.
 */
const first = new Set(
  new Map(
    Object.entries(MODELS)
      .toReversed()
      .map(([name, { kind }]) => [kind, name]),
  ).values(),
)
const isFirst = (model: string, check: string): boolean =>
  first.has(model) && (!(inPage || MODELS[model].short) || /: (greedy|loss)/.test(check))

testDevices(
  'published checkpoints',
  (device, repeats) => {
    for (const model of Object.keys(MODELS)) {
      for (const check of modelChecks(model)) {
        test(check.name, isFirst(model, check.name) ? {} : repeats, () => check.run(device()))
      }
    }
  },
  [...inNode('reference'), 'wasm', 'webgpu'],
)
