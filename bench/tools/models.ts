import { randomWindows } from '../../src/data/batches.ts'
import type { AnyDevice } from '../../src/devices/device.ts'
import { generateTokens } from '../../src/language/generator.ts'
import { modelConfig, type ArchitectureName, type ModelOptions } from '../../src/models/config.ts'
import { Model } from '../../src/models/model.ts'
import { AdamW } from '../../src/train/adamw.ts'
import { language } from '../../src/tasks/language.ts'
import { createTrainingStep } from '../../src/train/training-step.ts'
import { inScope, type Work } from './measure.ts'

interface Made {
  readonly works: readonly Work[]
  dispose(): void
}

/**
 * Training at width 256 and inference at the size of a 130M model cut to 6 layers, so that weights exceed the
 * caches.
 */
export function modelWorks(device: AnyDevice): [string, () => Promise<Made>][] {
  const architectures: readonly ArchitectureName[] = ['mamba', 'mamba2', 'transformer']
  return [
    ...architectures.map((each): [string, () => Promise<Made>] => [
      `train step: ${each}, width 256, 4 layers, 4 × 256 bytes`,
      () =>
        trainingWork(
          device,
          { architecture: each, layers: 4, width: 256, vocabulary: 256 },
          { batch: 4, length: 256 },
        ),
    ]),
    ...architectures.map((each): [string, () => Promise<Made>] => [
      `inference: ${each}, width 768, 6 layers`,
      () => inferenceWork(device, each),
    ]),
  ]
}

/** Training steps of a model of bytes. */
export async function trainingWork(
  device: AnyDevice,
  options: ModelOptions,
  rows: { readonly batch: number; readonly length: number },
): Promise<Made> {
  const model = Model.create(modelConfig(options), device, 1)
  const tokens = Uint8Array.from({ length: 65536 }, (_, i) => (i * 7919) % 251)
  const batches = randomWindows({ tokens, starts: [0] }, rows)
  const optimizer = new AdamW(model.parameters, {})
  const step = createTrainingStep(model, optimizer, batches, {
    task: language(),
    accumulation: 1,
    maxNorm: 1,
    recompute: false,
  })
  let done = 0
  const run = async (): Promise<void> => {
    await step.run(batches, 1e-4, done++)
  }
  await run()
  return {
    works: [
      {
        name: `${(step.arenaBytes / 2 ** 20).toFixed(0)} MiB of activations`,
        tokens: rows.batch * rows.length,
        run,
      },
    ],
    dispose() {
      step.dispose()
      optimizer.dispose()
      model.dispose()
    },
  }
}

async function inferenceWork(device: AnyDevice, architecture: ArchitectureName): Promise<Made> {
  const config = modelConfig({ architecture, layers: 6, width: 768, vocabulary: 8192 })
  const model = Model.create(config, device, 1)
  const prompt = Array.from({ length: 512 }, (_, i) => (i * 7919) % 8192)
  const ids = model.tokens([prompt])
  const decoding = generateTokens(model, [1], { maxTokens: 1e6, capacity: 4096, temperature: 0 })
  await decoding.next()
  return {
    works: [
      { name: 'prompt of 512', tokens: 512, run: inScope(() => model.last(ids)) },
      {
        name: 'one token',
        tokens: 1,
        bytes: 4 * model.size,
        run: async () => {
          await decoding.next()
        },
      },
    ],
    dispose() {
      void decoding.return()
      ids.dispose()
      model.dispose()
    },
  }
}
