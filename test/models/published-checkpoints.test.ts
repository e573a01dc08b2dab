import { test } from 'vitest'
import { inNode, inPages, testDevices } from '../devices.ts'
import { modelChecks, MODELS } from '../suites/models.ts'

const all = Object.keys(MODELS).flatMap((name) => modelChecks(name))
/** One of each kind of layer, decoding and training. */
const ofPages = all.filter(({ name }) => /^(mamba-a|mamba2-g1|original-mamba2attn): (greedy|loss)/.test(name))

testDevices(
  'published checkpoints',
  (device) => {
    for (const check of all) test(check.name, () => check.run(device()))
  },
  [...inNode('reference'), 'wasm', ...inNode('webgpu')],
)

testDevices(
  'published checkpoints, the kinds of layers',
  (device) => {
    for (const check of ofPages) test(check.name, () => check.run(device()))
  },
  inPages('webgpu'),
)
