/**
 * What the generic suite cannot say of the operations around a model: values that are not finite, ties, how often tokens are
 * drawn, published formulas, and memory. Nothing of a test runner in it.
 */
import { readSafetensors } from '../../src/checkpoints/safetensors.ts'
import type { AnyDevice } from '../../src/devices/device.ts'
import { crossEntropy } from '../../src/ops/cross-entropy/op.ts'
import { embedding } from '../../src/ops/gather/op.ts'
import { withGradients } from '../../src/ops/gradients.ts'
import { adamWStep, clipFactor, sumOfSquares } from '../../src/ops/optimizer/op.ts'
import { sample } from '../../src/ops/sample/op.ts'
import { Random } from '../../src/tensor/random.ts'
import { scope } from '../../src/tensor/scope.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { readTestFile } from '../files.ts'
import type { Check } from './check.ts'

function expectClose(what: string, got: ArrayLike<number>, want: readonly number[], tolerance = 1e-6): void {
  const fits = (a: number, b: number): boolean =>
    Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))
  if (got.length === want.length && want.every((each, i) => fits(got[i], each))) return
  throw new Error(`${what}: expected ${want.join(', ')}, found ${Array.from(got).join(', ')}`)
}

interface Settings {
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly penalty?: number
  readonly seen?: readonly number[]
}

/** Tokens drawn from one row of logits, one for each uniform number. */
async function draw(
  device: AnyDevice,
  logits: readonly number[],
  uniforms: readonly number[],
  { temperature = 1, topK = 0, topP = 1, minP = 0, penalty = 1, seen }: Settings = {},
): Promise<number[]> {
  const [B, V] = [uniforms.length, logits.length]
  const rows = (row: readonly number[]): number[] => uniforms.flatMap(() => row)
  const tokens = scope(() =>
    sample({
      logits: tensor(device, rows(logits), [B, V]),
      uniform: tensor(device, uniforms),
      settings: tensor(device, [temperature, topK, topP, minP, penalty, 0, 0, 0]),
      seen: seen && tensor(device, rows(seen), [B, V], 'i32'),
    }),
  )
  const drawn = Array.from(await tokens.read())
  tokens.dispose()
  return drawn
}

const { NEGATIVE_INFINITY: NONE, POSITIVE_INFINITY: ENDLESS, NaN: NAN } = Number
/** Uniform numbers that reach every token with a share above 1/16. */
const GRID = Array.from({ length: 16 }, (_, i) => (i + 0.5) / 16)

async function expectDrawn(
  device: AnyDevice,
  logits: readonly number[],
  settings: Settings,
  want: readonly number[],
): Promise<void> {
  const found = [...new Set(await draw(device, logits, GRID, settings))].toSorted((a, b) => a - b)
  expectClose(JSON.stringify({ logits, settings }), found, want)
}

const samplingChecks: readonly Check[] = [
  {
    name: 'sample: the largest is the first of equals, and -0 equals 0',
    async run(device) {
      expectClose('first', await draw(device, [1, 3, 2, 3], [0.9], { temperature: 0 }), [1])
      expectClose('zeros', await draw(device, [-1, -0, 0], [0.9], { temperature: 0 }), [1])
      // More than a workgroup, so that equals lie with different threads.
      const long = Array.from({ length: 700 }, (_, v) => (v % 300 === 299 ? 5 : -1))
      expectClose('long', await draw(device, long, [0.9], { temperature: 0 }), [299])
    },
  },
  {
    name: 'sample: what equals the k-th is kept',
    async run(device) {
      await expectDrawn(device, [1, 2, 1, 0, 1], { topK: 2 }, [0, 1, 2, 4])
      await expectDrawn(device, [1, 2, 1, 0, 1], { topK: 1 }, [1])
      await expectDrawn(device, [0, 0, 0], { topK: 1 }, [0, 1, 2])
    },
  },
  {
    name: 'sample: topP keeps the fewest tokens that reach it, and what equals the last of them',
    async run(device) {
      const logits = [0.1, 0.5, 0.2, 0.2].map(Math.log)
      await expectDrawn(device, logits, { topP: 0.49 }, [1])
      await expectDrawn(device, logits, { topP: 0.6 }, [1, 2, 3])
      await expectDrawn(device, logits, { topP: 0.95 }, [0, 1, 2, 3])
      await expectDrawn(device, logits, { topP: 0 }, [1])
      // The mass is that of what topK left: 5/9 and two times 2/9.
      await expectDrawn(device, logits, { topK: 2, topP: 0.55 }, [1])
    },
  },
  {
    name: 'sample: minP is a part of the largest probability',
    async run(device) {
      const logits = [0.05, 0.5, 0.3, 0.15].map(Math.log)
      await expectDrawn(device, logits, { minP: 0.5 }, [1, 2])
      await expectDrawn(device, logits, { minP: 1 }, [1])
      await expectDrawn(device, logits, { minP: 0.25 }, [1, 2, 3])
    },
  },
  {
    name: 'sample: a penalty divides positive logits and multiplies negative ones, before the temperature',
    async run(device) {
      const greedy = { temperature: 0, penalty: 2 }
      expectClose('positive', await draw(device, [3, 2], [0], { ...greedy, seen: [1, 0] }), [1])
      expectClose('negative', await draw(device, [-2, -3], [0], { ...greedy, seen: [5, 0] }), [1])
      expectClose('unseen', await draw(device, [3, 2], [0], { ...greedy, seen: [0, 0] }), [0])
    },
  },
  {
    name: 'sample: -infinity is never drawn; NaN, +infinity and nothing at all give -1',
    async run(device) {
      await expectDrawn(device, [NONE, 0, NONE, 0], {}, [1, 3])
      await expectDrawn(device, [NONE, 0, NONE], { topK: 2, topP: 0.99, minP: 0 }, [1])
      for (const temperature of [0, 1]) {
        await expectDrawn(device, [0, NAN, 1], { temperature }, [-1])
        await expectDrawn(device, [0, ENDLESS, 1], { temperature }, [-1])
        await expectDrawn(device, [NONE, NONE], { temperature }, [-1])
      }
    },
  },
  {
    name: 'sample: extreme logits, temperatures and uniform numbers',
    async run(device) {
      await expectDrawn(device, [-3e38, 3e38, 0], {}, [1])
      await expectDrawn(device, [1, 1.5, 1], { temperature: 1e-30 }, [1])
      await expectDrawn(device, [1, 2, 3], { temperature: 1e30 }, [0, 1, 2])
      expectClose('ends', await draw(device, [0, 0, 0, NONE], [0, 1 - 2 ** -24]), [0, 2])
    },
  },
  {
    name: 'sample: tokens are drawn as often as the softmax says',
    async run(device) {
      const random = new Random(5)
      const V = 300
      const logits = Array.from({ length: V }, () => Math.fround(random.normal(0, 2)))
      const count = 512
      const drawn = await draw(
        device,
        logits,
        Array.from({ length: count }, (_, i) => Math.fround((i + 0.5) / count)),
      )
      const weights = logits.map(Math.exp)
      const total = weights.reduce((a, b) => a + b)
      const times = Array.from({ length: V }, () => 0)
      for (const token of drawn) times[token]++
      // Evenly spaced uniform numbers leave less than one draw of difference.
      const worst = Math.max(...times.map((each, v) => Math.abs(each - (count * weights[v]) / total)))
      if (!(worst <= 1.01)) throw new Error(`a token was drawn ${worst} times too often or too seldom`)
    },
  },
]

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

const lossChecks: readonly Check[] = [
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

const optimizerChecks: readonly Check[] = [
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

export const trainingOpChecks: readonly Check[] = [...samplingChecks, ...lossChecks, ...optimizerChecks]
