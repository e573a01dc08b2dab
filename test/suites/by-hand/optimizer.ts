/** Clipping and AdamW: limits, norms that are not finite, and steps that were computed by hand. */
import type { AnyDevice } from '../../../src/devices/device.ts'
import { adamWStep, clipFactor, sumOfSquares } from '../../../src/ops/optimizer/op.ts'
import { scope } from '../../../src/tensor/scope.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import type { Check } from '../check.ts'
import { ENDLESS, expectClose, NAN, NONE } from './close.ts'

const clipped = async (
  device: AnyDevice,
  gradient: readonly number[],
  maxNorm: number,
): Promise<number[]> => {
  const { norm, factor } = scope(() =>
    clipFactor({ squares: sumOfSquares({ x: tensor(device, gradient) }) }, { maxNorm }),
  )
  const values = [await norm.item(), await factor.item()]
  norm.dispose()
  factor.dispose()
  return values
}

export const optimizerChecks: readonly Check[] = [
  {
    name: 'clipFactor: limits, no limit, and norms that are not finite',
    async run(device) {
      expectClose('above', await clipped(device, [3, 4], 1), [5, 1 / 5.000001])
      expectClose('below', await clipped(device, [3, 4], 6), [5, 1])
      for (const maxNorm of [0, ENDLESS, 1e39])
        expectClose('none', await clipped(device, [3, 4], maxNorm), [5, 1])
      for (const maxNorm of [0, 1, ENDLESS]) {
        expectClose('NaN', await clipped(device, [1, NAN, 2], maxNorm), [NAN, NAN])
        expectClose('infinite', await clipped(device, [1, NONE, 2], maxNorm), [ENDLESS, NAN])
        // The reference has the range of float64.
        if (device.name === 'reference') continue
        expectClose('overflow', await clipped(device, [1e30, 1], maxNorm), [ENDLESS, NAN])
      }
    },
  },
  {
    name: 'adamWStep: three steps by hand',
    async run(device) {
      const [lr, beta1, beta2, eps, decay] = [0.1, 0.9, 0.999, 1e-8, 0.01] as const
      const gradients = [0.5, -0.2, 3]
      const state = [1, 0, 0].map((value) => tensor(device, [value])) as [Tensor, Tensor, Tensor]
      const [parameter, m, v] = state
      let [p, mean, square] = [1, 0, 0]
      for (const [i, g] of gradients.entries()) {
        const [correction1, correction2] = [1 - beta1 ** (i + 1), 1 - beta2 ** (i + 1)]
        scope(() => {
          const hyper = tensor(device, [lr, beta1, beta2, eps, decay, correction1, correction2, 0])
          // Twice the gradient, halved by the scale.
          adamWStep({
            parameter,
            gradient: tensor(device, [2 * g]),
            m,
            v,
            hyper,
            gradientScale: tensor(device, [0.5]),
          })
        })
        p -= lr * decay * p
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g * g
        p -= (lr * (mean / correction1)) / (Math.sqrt(square / correction2) + eps)
      }
      // beta2 is rounded to float32 on the way.
      expectClose('parameter', await parameter.read(), [p], 1e-5)
      expectClose('moments', [await m.item(), (await v.item()) / square], [mean, 1], 2e-5)
      for (const each of state) each.dispose()
    },
  },
]
