/** Losses by windows, of short texts, and of updates from several batches, as transformers has them. */
import { expect, test } from 'vitest'
import type { Batches } from '../../src/data/batch.ts'
import { stretches } from '../../src/data/passes.ts'
import { loadModel } from '../../src/language/load-model.ts'
import { scoreTokens } from '../../src/language/score.ts'
import { evaluate } from '../../src/tasks/evaluate.ts'
import { language } from '../../src/tasks/language.ts'
import { lossAndGradients } from '../../src/tasks/loss.ts'
import { constantRate } from '../../src/train/schedule.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { testDevices } from '../devices.ts'
import { readTestFile } from '../files.ts'

interface Expected {
  readonly vocabulary: number
  readonly tokens: number[]
  readonly whole: number
  readonly short: Readonly<Record<string, number>>
  readonly windows: readonly {
    readonly window: number
    readonly stride: number
    readonly nats: number
    readonly tokens: number
  }[]
  readonly rows: number[][]
  readonly labels: number[][]
  readonly update: { readonly loss: number; readonly gradientNorm: number }
}

const text = new TextDecoder().decode(await readTestFile('test/fixtures/losses/expected.json'))
const EXPECTED = JSON.parse(text) as Record<string, Expected>
const CLOSE = 5
const files = async (name: string): Promise<Map<string, Uint8Array>> =>
  new Map(
    await Promise.all(
      ['config.json', 'model.safetensors'].map(
        async (file) => [file, await readTestFile(`test/fixtures/checkpoints/${name}/${file}`)] as const,
      ),
    ),
  )

/** Batches of so many of these rows, in their order. */
function inOrder({ rows, labels }: Expected, batch: number): Batches {
  const length = rows[0].length
  let at = 0
  const next = (values: readonly number[][]): Int32Array =>
    Int32Array.from(Array.from({ length: batch }, (_, i) => values[(at + i) % rows.length]).flat())
  return {
    batch,
    length,
    carried: false,
    masked: false,
    next() {
      // What follows each position is what it predicts.
      const made = { tokens: next(rows), labels: next(labels.map((row) => [...row.slice(1), -100])) }
      at += batch
      return made
    },
    save: () => ({}),
    restore() {},
  }
}

testDevices('losses of transformers', (device, repeats) => {
  const open = async (name: string): ReturnType<typeof loadModel> =>
    loadModel(await files(name), { device: device() })

  test.each(Object.entries(EXPECTED))(
    '%s: texts, whole, short and in windows',
    repeats,
    async (name, want) => {
      const model = await open(name)
      for (const size of [2, 3, 4, want.tokens.length]) {
        const tokens = want.tokens.slice(0, size)
        const nats = want.short[size] ?? want.whole
        const score = await scoreTokens(model, tokens)
        expect([score.tokens, score.nats / nats]).toEqual([size - 1, expect.closeTo(1, CLOSE)])
        const { loss, count } = await evaluate(model, language(), stretches(tokens, { batch: 1, length: 64 }))
        expect(count).toBe(size - 1)
        expect((loss * count) / nats).toBeCloseTo(1, CLOSE)
      }
      for (const { window, stride, nats, tokens } of want.windows) {
        const score = await scoreTokens(model, want.tokens, { window, stride })
        expect([score.tokens, score.nats / nats], `${window}, ${stride}`).toEqual([
          tokens,
          expect.closeTo(1, CLOSE),
        ])
        expect(Math.log(score.perplexity)).toBeCloseTo(score.nats / tokens, CLOSE)
      }
      model.dispose()
    },
  )

  // transformers gives dt_proj.bias of Jamba no gradient.
  const updated = Object.entries(EXPECTED).filter(([name]) => name !== 'jamba-dense')
  test.each(updated)('%s: an update, at once or in parts', repeats, async (name, want) => {
    const model = await open(name)
    const { loss, gradients } = await lossAndGradients(model, { tokens: want.rows, labels: want.labels })
    expect(loss / want.update.loss).toBeCloseTo(1, CLOSE)
    let squares = 0
    for (const gradient of gradients.values()) for (const value of gradient) squares += value * value
    expect(Math.sqrt(squares) / want.update.gradientNorm).toBeCloseTo(1, 4)
    model.dispose()
    for (const batch of [4, 2, 1]) {
      const trained = await open(name)
      const trainer = new Trainer(trained, {
        schedule: constantRate(1e-3),
        steps: 1,
        accumulation: 4 / batch,
      })
      for await (const step of trainer.fit(inOrder(want, batch))) {
        expect(step.loss / want.update.loss).toBeCloseTo(1, CLOSE)
        expect(step.gradientNorm / want.update.gradientNorm).toBeCloseTo(1, 4)
      }
      trainer.dispose()
      trained.dispose()
    }
  })
})
