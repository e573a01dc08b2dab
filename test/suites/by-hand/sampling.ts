/** Sampling: ties, values that are not finite, each setting, and how often tokens are drawn. */
import type { AnyDevice } from '../../../src/devices/device.ts'
import { sample } from '../../../src/ops/sample/op.ts'
import { Random } from '../../../src/tensor/random.ts'
import { scope } from '../../../src/tensor/scope.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import type { Check } from '../check.ts'
import { ENDLESS, expectClose, NAN, NONE } from './close.ts'

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

export const samplingChecks: readonly Check[] = [
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
      await expectDrawn(device, [2, 2, 2], { topK: 1 }, [0, 1, 2])
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
