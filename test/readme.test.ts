import { expect, test } from 'vitest'
import { LinearSSM } from '../src/nn/mixers/linear-ssm.ts'
import { Mamba1 } from '../src/nn/mixers/mamba1.ts'
import { Mamba2 } from '../src/nn/mixers/mamba2.ts'
import { place } from '../src/nn/module.ts'
import { randomNormal } from '../src/nn/random-normal.ts'
import { testDevices } from './devices.ts'

testDevices('the layers of the README', (device) => {
  for (const Layer of [LinearSSM, Mamba1, Mamba2]) {
    test(`${Layer.name}: input 10, hidden 20, output 5`, async () => {
      const x = randomNormal(device(), [4, 30, 10])
      const layer = place(new Layer({ input: 10, hidden: 20, output: 5 }), device(), { seed: 1 })
      const y = layer.forward(x)
      expect(y.shape).toEqual([4, 30, 5])
      expect((await y.read()).every(Number.isFinite)).toBe(true)
    })
  }
})
