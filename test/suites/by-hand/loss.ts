/** Cross-entropy and embeddings: large logits, labels that do not count, memory, and ids out of range. */
import { readSafetensors } from '../../../src/checkpoints/safetensors.ts'
import type { AnyDevice } from '../../../src/devices/device.ts'
import { crossEntropy } from '../../../src/ops/cross-entropy/op.ts'
import { embedding } from '../../../src/ops/gather/op.ts'
import { withGradients } from '../../../src/ops/gradients.ts'
import { scope } from '../../../src/tensor/scope.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import { readTestFile } from '../../files.ts'
import type { Check } from '../check.ts'
import { ENDLESS, expectClose, NAN, NONE } from './close.ts'

async function lossOf(
  device: AnyDevice,
  logits: readonly number[],
  labels: readonly number[],
): Promise<number[]> {
  const V = logits.length / labels.length
  const x = tensor(device, logits, [labels.length, V])
  const ids = tensor(device, Int32Array.from(labels))
  const one = tensor(device, [1])
  const { result, gradients } = scope(() =>
    withGradients(
      [x],
      () => crossEntropy({ logits: x, labels: ids }),
      ({ loss }) => new Map([[loss, one]]),
    ),
  )
  const gradient = gradients.get(x)!
  const values = [await result.loss.item(), await result.count.item(), ...(await gradient.read())]
  for (const each of [x, ids, one, gradient, result.loss, result.count]) each.dispose()
  return values
}

export const lossChecks: readonly Check[] = [
  {
    name: 'crossEntropy: by hand',
    async run(device) {
      // softmax 1/4, 1/2, 1/4
      const logits = [0, Math.log(2), 0]
      expectClose('loss', await lossOf(device, [...logits, ...logits], [1, 2]), [
        (Math.log(2) + Math.log(4)) / 2,
        2,
        0.125,
        -0.25,
        0.125,
        0.125,
        0.25,
        -0.375,
      ])
    },
  },
  {
    name: 'crossEntropy: logits and losses of the checkpoints, as transformers has them',
    async run(device) {
      for (const name of ['mamba-a', 'mamba-b', 'mamba2-g1', 'mamba2-g3']) {
        const io = await readSafetensors(
          await readTestFile(`test/fixtures/checkpoints/${name}/io.safetensors`),
          name,
        )
        const logits = io.get('logits.batch2')!
        const [B, L, V] = logits.shape as [number, number, number]
        const values = await logits.read()
        // Position t predicts label t + 1.
        const labels = (await io.get('loss.labels')!.read()).map((_, i, all) =>
          i % L < L - 1 ? all[i + 1] : -100,
        )
        const { loss, count } = scope(() =>
          crossEntropy({
            logits: tensor(device, values, [B * L, V]),
            labels: tensor(device, labels as Int32Array),
          }),
        )
        expectClose(name, [await loss.item()], [(await io.get('loss.value')!.read())[0]], 1e-5)
        loss.dispose()
        count.dispose()
      }
    },
  },
  {
    name: 'crossEntropy: what does not count is not looked at, even NaN',
    async run(device) {
      const row = [0, 0]
      const half = Math.log(2)
      expectClose('some', await lossOf(device, [NAN, ENDLESS, ...row], [-100, 0]), [half, 1, 0, 0, -0.5, 0.5])
      expectClose('none', await lossOf(device, [NAN, ENDLESS, ...row], [-100, -100]), [0, 0, 0, 0, 0, 0])
    },
  },
  {
    name: 'crossEntropy: NaN that counts is seen in the loss; -infinity is a probability of 0',
    async run(device) {
      const third = -1 / 6
      for (const wild of [NAN, ENDLESS]) {
        const found = await lossOf(device, [0, wild, 1, 0, 0, 0], [0, 1])
        expectClose('wild', found, [NAN, 2, NAN, NAN, NAN, -third, 2 * third, -third])
      }
      expectClose('nothing', (await lossOf(device, [NONE, NONE], [0])).slice(0, 2), [NAN, 1])
      expectClose('-infinity', await lossOf(device, [0, NONE, 0], [0]), [Math.log(2), 1, -0.5, 0, 0.5])
    },
  },
  {
    name: 'crossEntropy: a label that is no class makes the loss NaN; PyTorch refuses it',
    async run(device) {
      const third = -1 / 6
      for (const label of [3, 5000, -1, -99, -101, 2 ** 31 - 1, -(2 ** 31)]) {
        const found = await lossOf(device, [0, 1, 2, 0, 0, 0], [label, 1])
        expectClose(`label ${label}`, found, [NAN, 2, NAN, NAN, NAN, -third, 2 * third, -third])
      }
    },
  },
  {
    name: 'crossEntropy: the gradient takes the place of the logits, and keepLogits leaves them',
    async run(device) {
      for (const keepLogits of [false, true]) {
        const logits = tensor(device, [0, 0, 0, 0], [2, 2])
        const labels = tensor(device, Int32Array.of(0, 1))
        const one = tensor(device, [1])
        const { result, gradients } = scope(() =>
          withGradients(
            [logits],
            () => crossEntropy({ logits, labels }, { keepLogits }),
            ({ loss }) => new Map([[loss, one]]),
          ),
        )
        const gradient = gradients.get(logits)!
        if ((gradient.storage === logits.storage) === keepLogits)
          throw new Error(`keepLogits ${keepLogits}: wrong memory`)
        const want = [-0.25, 0.25, 0.25, -0.25]
        expectClose('gradient', await gradient.read(), want)
        expectClose('logits', await logits.read(), keepLogits ? [0, 0, 0, 0] : want)
        for (const each of [logits, labels, one, gradient, result.loss, result.count]) each.dispose()
      }
    },
  },
  {
    name: 'embedding: ids far out of range read nothing but the table',
    async run(device) {
      const weight = tensor(device, [1, 2, 3, 4], [2, 2])
      const tokens = tensor(device, Int32Array.of(-(2 ** 31), -1, 2, 2 ** 31 - 1))
      const y = embedding({ tokens, weight })
      expectClose('rows', await y.read(), [1, 2, 1, 2, 3, 4, 3, 4])
      for (const each of [weight, tokens, y]) each.dispose()
    },
  },
]
