// Prompts of 512 tokens and single tokens through random 130M models on WASM; with --profile, by kernel.
// npm run bench -- cpu-models [--threads 2] [--models mamba,mamba2] [--weights f32,f16,q8,q4] [--profile]
// With --train [--length 256]: steps of training instead.
import { parseArgs } from 'node:util'
import { openDevice } from '../src/ops/open-device.ts'
import type { Simd } from '../src/devices/wasm/features.ts'
import { Decoder } from '../src/language/session/decoder.ts'
import { fillStack, type WeightFormat } from '../src/models/files/fill.ts'
import { Model } from '../src/models/model.ts'
import { scope } from '../src/tensor/scope.ts'
import { tensor } from '../src/tensor/tensor.ts'
import { MAMBA_130M, MAMBA2_130M, syntheticCheckpoint } from '../test/suites/synthetic.ts'
import { inScope, interleaved, printTimings, type Work } from './tools/measure.ts'
import { trainingWork } from './tools/models.ts'
import { profileWasm } from './tools/profile-wasm.ts'

const MODELS = { mamba: MAMBA_130M, mamba2: MAMBA2_130M } as const
const PROMPT = 512

const { values: asked } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    simd: { type: 'string', default: 'auto' },
    models: { type: 'string', default: 'mamba,mamba2' },
    weights: { type: 'string', default: 'f32,f16,q8,q4' },
    seconds: { type: 'string', default: '10' },
    profile: { type: 'boolean', default: false },
    train: { type: 'boolean', default: false },
    length: { type: 'string', default: '256' },
  },
})

const device = await openDevice('wasm', { threads: Number(asked.threads), simd: asked.simd as Simd | 'auto' })
console.log(device.description)
for (const name of asked.models.split(',') as (keyof typeof MODELS)[]) {
  if (asked.train) {
    await train(name)
    continue
  }
  for (const weights of asked.weights.split(',') as WeightFormat[]) await bench(name, weights)
}
device.destroy()

async function bench(name: keyof typeof MODELS, weights: WeightFormat): Promise<void> {
  const checkpoint = { ...syntheticCheckpoint(MODELS[name]), tokenizer: () => Promise.resolve(undefined) }
  const model = new Model(checkpoint.config, await fillStack(checkpoint, device, { weights }))
  const ids = model.tokens([Array.from({ length: PROMPT }, (_, i) => (i * 7919) % 50_277)])
  const token = tensor(device, Int32Array.of(7), [1])
  const decoder = new Decoder(model, 1, 1)
  const step = (): void => decoder.step([7], [0])
  step()
  const title = `${name} 130M, ${weights}`
  const works: Work[] = [
    { name: `prompt of ${PROMPT}`, tokens: PROMPT, run: inScope(() => model.last(ids)) },
    { name: 'one token', tokens: 1, bytes: model.bytes, run: step },
  ]
  if (asked.profile) {
    await profileWasm(device, `${title}: prompt of ${PROMPT}`, 3, () =>
      scope(() => void model.last(ids).logits),
    )
    await profileWasm(device, `${title}: one token`, 20, () => {
      scope(() => void model.step(token, decoder.states))
    })
  } else
    for (const work of works) printTimings(title, await interleaved(device, [work], Number(asked.seconds)))
  decoder.dispose()
  for (const each of [ids, token]) each.dispose()
  model.dispose()
}

/** Steps of training, 1,024 tokens each: width 256, 4 layers, bytes. */
async function train(architecture: keyof typeof MODELS): Promise<void> {
  const length = Number(asked.length)
  const options = { architecture, layers: 4, width: 256, vocabulary: 256 }
  const title = `${architecture}, width 256, 4 layers: a step of ${1024 / length} × ${length} bytes`
  const make = () => trainingWork(device, options, { batch: 1024 / length, length })
  // The first step is taken while the work is made.
  if (asked.profile) return profileWasm(device, title, 3, async () => (await make()).dispose())
  const made = await make()
  printTimings(title, await interleaved(device, made.works, Number(asked.seconds)))
  made.dispose()
}
