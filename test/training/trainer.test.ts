import { describe, expect, test } from 'vitest'
import { randomWindows, carriedStreams, packedDocuments } from '../../src/data/batches.ts'
import type { AnyDevice } from '../../src/devices/device.ts'
import {
  ARCHITECTURE_NAMES,
  modelConfig,
  type ArchitectureName,
  type ModelOptions,
} from '../../src/models/config.ts'
import { Model } from '../../src/models/model.ts'
import { Random } from '../../src/tensor/random.ts'
import { cosine } from '../../src/train/schedule.ts'
import { Trainer, type TrainerOptions } from '../../src/train/trainer.ts'
import { NumericsError } from '../../src/errors.ts'
import { testDevices } from '../devices.ts'

const random = new Random(11)
/** Words of a tiny language: enough to be learned in a few steps. */
const words = ['sea ', 'whale ', 'ship ', 'the ', 'and ']
const text = new TextEncoder().encode(Array.from({ length: 800 }, () => words[random.integer(5)]).join(''))
const corpus = { tokens: text, starts: [0, 1000, 1010, 2500] }

function train(device: AnyDevice, options: Partial<ModelOptions>, more: Partial<TrainerOptions> = {}) {
  const config = modelConfig({
    architecture: 'mamba2',
    layers: 1,
    width: 16,
    stateSize: 8,
    vocabulary: 256,
    ...options,
  })
  const model = Model.create(config, device, 1)
  const trainer = new Trainer(model, { schedule: cosine({ peak: 1e-2 }), steps: 12, ...more })
  return { model, trainer }
}

async function weightsOf(model: Model): Promise<Map<string, ArrayLike<number>>> {
  const values = new Map<string, ArrayLike<number>>()
  for (const [name, { tensor }] of model.parameters) values.set(name, await tensor.read())
  return values
}

testDevices('training', (device, repeats) => {
  const learns = async (architecture: ArchitectureName | ArchitectureName[]): Promise<void> => {
    const runs = []
    for (let run = 0; run < 2; run++) {
      const layers = typeof architecture === 'string' ? 1 : architecture.length
      const { model, trainer } = train(device(), { architecture, layers })
      const losses: number[] = []
      for await (const { loss } of trainer.fit(randomWindows(corpus, { batch: 2, length: 32, seed: 4 })))
        losses.push(loss)
      expect(losses.at(-1)).toBeLessThan(losses[0] - 0.5)
      runs.push({ losses, weights: await weightsOf(model) })
      trainer.dispose()
      model.dispose()
    }
    expect(runs[1]).toEqual(runs[0])
  }

  describe('learns, and twice the same', () => {
    test('a layer of each kind', () => learns(['mamba', 'transformer', 'mamba2', 's4d']))
    test.each(ARCHITECTURE_NAMES)('%s', repeats, learns)
  })

  test('carried state, packed documents, accumulation and recomputation all train', repeats, async () => {
    const options = { batch: 2, length: 24 }
    for (const batches of [carriedStreams(corpus, options), packedDocuments(corpus, options)]) {
      const { model, trainer } = train(device(), {}, { accumulation: 2, recompute: true })
      const losses: number[] = []
      for await (const { loss } of trainer.fit(batches)) losses.push(loss)
      expect(losses.at(-1)).toBeLessThan(losses[0] - 0.5)
      trainer.dispose()
      model.dispose()
    }
  })

  test('the arena after the last step is that after step 2', async () => {
    const steps = device().name === 'webgpu' ? 20 : 200
    const { model, trainer } = train(device(), { width: 8, vocabulary: 128 }, { steps })
    let after2 = 0
    for await (const { step } of trainer.fit(randomWindows(corpus, { batch: 1, length: 4 }))) {
      if (step === 2) after2 = trainer.arenaBytes
    }
    expect(after2).toBeGreaterThan(0)
    expect(trainer.arenaBytes).toBe(after2)
    trainer.dispose()
    model.dispose()
  })

  test('no array of length × channels × state when Mamba-1 trains', async () => {
    const bytes: number[] = []
    const [width, length] = [16, 512]
    for (const stateSize of [8, 64]) {
      const { model, trainer } = train(device(), { architecture: 'mamba', width, stateSize }, { steps: 1 })
      for await (const _ of trainer.fit(randomWindows(corpus, { batch: 1, length })))
        bytes.push(trainer.arenaPeak)
      trainer.dispose()
      model.dispose()
    }
    const channels = 2 * width
    const oneArray = length * channels * (64 - 8) * 4
    expect(bytes[1] - bytes[0]).toBeLessThan(oneArray)
  })

  test('a loss that is not finite stops, and says where', async () => {
    const { model, trainer } = train(
      device(),
      {},
      { schedule: () => 1e30, maxNorm: Number.POSITIVE_INFINITY },
    )
    const run = async (): Promise<void> => {
      for await (const _ of trainer.fit(randomWindows(corpus, { batch: 1, length: 16 }))) void _
    }
    await expect(run()).rejects.toThrow(NumericsError)
    trainer.dispose()
    model.dispose()
  })

  test('a loss that is no number names step and layer, and leaves weights and moments as they were', async () => {
    const { model, trainer } = train(device(), { layers: 2 })
    const run = trainer.fit(randomWindows(corpus, { batch: 1, length: 16 }))
    for (let i = 0; i < 2; i++) await run.next()
    const { tensor: D } = model.parameters.get('backbone.layers.1.mixer.D')!
    D.write((await D.read()).fill(Number.NaN))
    const before = await weightsOf(model)
    const error = await run.next().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(NumericsError)
    expect(error).toMatchObject({ where: 'backbone.layers.1', found: Number.NaN })
    expect((error as NumericsError).message).toContain('training stopped at step 3')
    expect(await weightsOf(model)).toEqual(before)
    for (const { m, v } of trainer.optimizer.moments.values()) {
      for (const each of [m, v]) expect((await each.read()).every(Number.isFinite)).toBe(true)
    }
    trainer.dispose()
    model.dispose()
  })
})
