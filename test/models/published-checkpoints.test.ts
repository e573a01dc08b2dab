import { test } from 'vitest'
import { inNode, inPages, testDevices } from '../devices.ts'
import { modelChecks, MODELS } from '../suites/models.ts'

const all = Object.keys(MODELS).flatMap((name) => modelChecks(name))
const decodingAndTraining = all.filter(({ name }) => /: (greedy|loss)/.test(name))
const onGpu = all.filter(
  (check) => !MODELS[check.name.split(':')[0]].short || decodingAndTraining.includes(check),
)
/** One of each kind of layer. */
const ofPages = decodingAndTraining.filter(({ name }) =>
  /^(mamba-a|mamba2-g1|original-mamba2attn):/.test(name),
)

testDevices(
  'published checkpoints',
  (device) => {
    for (const check of all) test(check.name, () => check.run(device()))
  },
  [...inNode('reference'), 'wasm'],
)

testDevices(
  'published checkpoints',
  (device) => {
    for (const check of onGpu) test(check.name, () => check.run(device()))
  },
  inNode('webgpu'),
)

testDevices(
  'published checkpoints, the kinds of layers',
  (device) => {
    for (const check of ofPages) test(check.name, () => check.run(device()))
  },
  inPages('webgpu'),
)
