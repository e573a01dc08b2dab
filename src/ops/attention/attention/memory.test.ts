import { expect, test } from 'vitest'
import { testDevices } from '../../../../test/devices.ts'
import { scope } from '../../../tensor/scope.ts'
import { tensor } from '../../../tensor/tensor.ts'
import { withGradients } from '../../gradients.ts'
import { attention } from './op.ts'

testDevices('memory of attention', (device) => {
  const peakOf = (length: number): number => {
    const shape = [1, length, 8]
    const x = tensor(device(), new Float32Array(8 * length), shape)
    const { arena } = device()
    arena.resetPeak()
    const before = arena.usedBytes
    scope(() => {
      const { gradients } = withGradients(
        [x],
        () => attention({ q: x, k: x, v: x }, { heads: 2, kvHeads: 2 }),
        (y) => new Map([[y, y]]),
      )
      expect(gradients.size).toBe(1)
    })
    x.dispose()
    return arena.peakBytes - before
  }

  test('grows with length, not with its square', () => {
    const peak = peakOf(1024)
    expect(peak).toBeLessThan(2.5 * peakOf(512))
    expect(peak).toBeLessThan(1024 * 1024)
  })
})
