// 130M models and large products on a GPU, against what the card can do; with --profile, where the time goes.
// npm run bench -- gpu [--only decode] [--profile] [--seconds 1] [--subgroup-matrix]
import { parseArgs } from 'node:util'
import { randomWindows } from '../src/data/batches.ts'
import type { LaunchList } from '../src/devices/device.ts'
import { openWebGpu, type WebGpuDevice } from '../src/devices/webgpu/device.ts'
import { Decoder } from '../src/language/session/decoder.ts'
import { fillStack, type WeightFormat } from '../src/models/files/fill.ts'
import type { ModelConfig } from '../src/models/config.ts'
import { Model } from '../src/models/model.ts'
import { randomNormal } from '../src/nn/random-normal.ts'
import { copyInto, scale } from '../src/ops/elementwise/op.ts'
import { withKernels } from '../src/ops/kernels/kernels.ts'
import { matmul } from '../src/ops/matmul/op.ts'
import { packRows } from '../src/ops/packed/format.ts'
import { PackedMatrix } from '../src/ops/packed/matrix.ts'
import { linearBy } from '../src/ops/packed/weight.ts'
import { selectiveScan } from '../src/ops/scan/op.ts'
import { ssd } from '../src/ops/ssd/op.ts'
import { kernels } from '../src/ops/kernels/webgpu.ts'
import { scope } from '../src/tensor/scope.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import { AdamW } from '../src/train/adamw.ts'
import { language } from '../src/tasks/language.ts'
import { createTrainingStep } from '../src/train/training-step.ts'
import { MAMBA2_130M, MAMBA_130M, syntheticCheckpoint } from '../test/suites/synthetic.ts'
import { interleaved, type Work } from './tools/measure.ts'
import { printProfile, profile } from './tools/profile-webgpu.ts'

/** What one H100 does by other means: see README.md. */
const H100 = { bytes: 2.89e12, flops: 51.7e12 } as const

const { values: asked } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    profile: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '1' },
    software: { type: 'boolean', default: false },
    'subgroup-matrix': { type: 'boolean', default: false },
  },
})

const device = withKernels(
  (await openWebGpu({
    software: asked.software,
    subgroupMatrix: asked['subgroup-matrix'],
    dawnFlags: ['enable-dawn-features=allow_unsafe_apis', 'disable-dawn-features=timestamp_quantization'],
  })) as WebGpuDevice,
  kernels,
)
console.log(device.description)

const MODELS: readonly (readonly [string, ModelConfig])[] = [
  ['Mamba-1', MAMBA_130M],
  ['Mamba-2', MAMBA2_130M],
]

const chosen = (name: string): boolean => name.includes(asked.only)
/** Whether works that begin with one of these words may be asked for. */
const concerns = (...words: string[]): boolean =>
  words.some((word) => word.includes(asked.only) || asked.only.startsWith(word))
const normal = (...shape: number[]): Tensor => randomNormal(device, shape, 1)

await products()
await sequences()
for (const [name, config] of MODELS) {
  for (const length of [512, 2048]) await prefill(name, config, length)
  for (const weights of ['f16', 'f32', 'q8', 'q4'] as const) await decode(name, config, 1, weights)
  await decode(name, config, 128, 'f16')
  await training(name, config)
}
device.destroy()

/** Runs and prints a work; its bytes and operations also as parts of what the card can do. */
async function report(work: Work, list?: LaunchList): Promise<void> {
  const [{ min, median, max }] = await interleaved(device, [work], Number(asked.seconds))
  const ms = [median, min, max].map((each) => (1000 * each).toFixed(3).padStart(9)).join('')
  const rates = [
    work.flops &&
      `${(work.flops / median / 1e9).toFixed(0)} GFLOP/s (${percent(work.flops / median / H100.flops)})`,
    work.bytes &&
      `${(work.bytes / median / 1e9).toFixed(0)} GB/s (${percent(work.bytes / median / H100.bytes)})`,
    work.tokens && `${(work.tokens / median).toFixed(0)} tokens/s`,
  ]
  console.log(`${work.name.padEnd(50)}${ms}   ${rates.filter(Boolean).join('  ')}`)
  if (asked.profile && list) printProfile(`profile: ${work.name}`, await profile(device, list))
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** Reports what `body` costs when it is replayed. */
async function replayed(name: string, rates: Omit<Work, 'name' | 'run'>, body: () => void): Promise<void> {
  if (!chosen(name)) return
  const arena = device.createArena()
  const list = device.record(() => scope(body, arena))
  await report({ name, ...rates, run: () => device.replay(list) }, list)
  arena.destroy()
}

async function products(): Promise<void> {
  if (!concerns('copy', 'matmul', 'linear')) return
  const n = 4096
  const [a, b, c] = [normal(n, n), normal(n, n), normal(n, n)]
  await replayed('copy 64 MiB', { bytes: 8 * n * n }, () => copyInto(c, a))
  const flops = 2 * n ** 3
  await replayed('matmul 4096³', { flops }, () => matmul({ a, b }))
  await replayed('matmul 4096³, bᵀ', { flops }, () => matmul({ a, b }, { transposeB: true }))
  await replayed('matmul 4096³, aᵀ', { flops }, () => matmul({ a, b }, { transposeA: true }))
  const f16 = PackedMatrix.empty(device, 'f16', [n, n])
  f16.writePanels(0, packRows('f16', (await b.read()) as Float32Array, n))
  await replayed('linear 4096³, f16 weights', { flops }, () => linearBy(a, f16))
  for (const each of [a, b, c, f16]) each.dispose()
}

/** What is beside the products in a layer, at 2,048 tokens. */
async function sequences(): Promise<void> {
  const [L, E, H] = [2048, 1536, 24]
  if (!concerns('scan', 'SSD')) return
  for (const N of [16, 64, 128]) {
    const x = normal(1, L, E)
    const inputs = {
      u: x,
      delta: scale(normal(1, L, E), 0.1, -3),
      A: scale(normal(E, N), 0, -1),
      B: normal(1, L, N),
      C: normal(1, L, N),
      D: normal(E),
      z: normal(1, L, E),
    }
    await replayed(`scan, ${L} × ${E}, N ${N}`, { tokens: L }, () => {
      selectiveScan(inputs, { deltaSoftplus: true })
    })
    for (const each of Object.values(inputs)) each.dispose()
  }
  const dual = {
    x: normal(1, L, E),
    delta: scale(normal(1, L, H), 0.1, -3),
    A: scale(normal(H), 0, -1),
    B: normal(1, L, 128),
    C: normal(1, L, 128),
    D: normal(H),
  }
  await replayed(`SSD, ${L} × ${E}, N 128`, { tokens: L }, () => {
    ssd(dual, { groups: 1, deltaSoftplus: true })
  })
  for (const each of Object.values(dual)) each.dispose()
}

async function modelOf(config: ModelConfig, weights: WeightFormat): Promise<Model> {
  const checkpoint = { ...syntheticCheckpoint(config), tokenizer: () => Promise.resolve(undefined) }
  return new Model(config, await fillStack(checkpoint, device, { weights }))
}

async function prefill(name: string, config: ModelConfig, length: number): Promise<void> {
  const title = `prefill ${name} f16, 1 × ${length}`
  if (!chosen(title)) return
  const model = await modelOf(config, 'f16')
  const ids = model.tokens([Array.from({ length }, (_, i) => (i * 7919) % 50277)])
  const flops = 2 * length * (model.size - config.width * model.vocabulary)
  const rates = { tokens: length, flops }
  await report({ name: title, ...rates, run: () => scope(() => void model.last(ids)) })
  await replayed(`${title}, replayed`, rates, () => model.last(ids))
  ids.dispose()
  model.dispose()
}

async function decode(
  name: string,
  config: ModelConfig,
  batch: number,
  weights: WeightFormat,
): Promise<void> {
  const title = `decode ${name} ${weights}, batch ${batch}`
  if (!chosen(title)) return
  const model = await modelOf(config, weights)
  const decoder = new Decoder(model, batch, 0)
  const lists: LaunchList[] = []
  const replay = device.replay.bind(device)
  const past = Array.from({ length: batch }, () => 0)
  const uniforms = Array.from({ length: batch }, () => 0)
  const settings = new Float32Array(8)
  let tokens: ArrayLike<number> = past
  const run = async (): Promise<void> => {
    decoder.step(Array.from(tokens), past)
    tokens = await decoder.draw(uniforms, settings)
  }
  await run()
  device.replay = (list) => {
    lists.push(list)
    replay(list)
  }
  await run()
  device.replay = replay
  const { bytes } = model
  const launches = lists.reduce((sum, { length }) => sum + length, 0)
  await report({ name: `${title}, ${launches} launches`, tokens: batch, bytes, run }, lists[0])
  decoder.dispose()
  model.dispose()
}

async function training(name: string, config: ModelConfig): Promise<void> {
  const title = `train step ${name} f32, 8 × 1024`
  if (!chosen(title)) return
  const model = Model.create(config, device, 1)
  const tokens = Uint16Array.from({ length: 65536 }, (_, i) => (i * 7919) % 50277)
  const batches = randomWindows({ tokens, starts: [0] }, { batch: 8, length: 1024 })
  const optimizer = new AdamW(model.parameters, {})
  const step = createTrainingStep(model, optimizer, batches, {
    task: language(),
    accumulation: 1,
    maxNorm: 1,
    recompute: false,
  })
  const lists: LaunchList[] = []
  const replay = device.replay.bind(device)
  let done = 0
  const run = async (): Promise<void> => {
    await step.run(batches, 1e-4, done++)
  }
  await run()
  device.replay = (list) => {
    lists.push(list)
    replay(list)
  }
  await run()
  device.replay = replay
  const flops = 6 * 8192 * model.size
  await report({ name: title, tokens: 8192, flops, run }, lists[0])
  step.dispose()
  optimizer.dispose()
  model.dispose()
}
