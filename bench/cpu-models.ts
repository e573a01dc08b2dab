// Prompts of 512 tokens and single tokens through random 130M models on WASM, and where the time goes, by kernel.
// node scripts/run-ts.mjs bench/cpu-models.ts [--threads 2] [--models mamba,mamba2] [--weights f32,f16,q8,q4] [--profile]
import { parseArgs } from 'node:util'
import { openDevice } from '../src/devices/open.ts'
import type { WasmLaunch } from '../src/devices/wasm/launch.ts'
import type { Simd } from '../src/devices/wasm/features.ts'
import { Decoder } from '../src/generate/decoder.ts'
import { buildModel, type WeightFormat } from '../src/models/build-model.ts'
import { Model } from '../src/models/model.ts'
import { scope } from '../src/tensor/scope.ts'
import { tensor } from '../src/tensor/tensor.ts'
import { MAMBA_130M, MAMBA2_130M, syntheticCheckpoint } from '../test/suites/synthetic.ts'
import { inScope, interleaved, printTimings, type Work } from './measure.ts'

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
  },
})

const device = await openDevice('wasm', { threads: Number(asked.threads), simd: asked.simd as Simd | 'auto' })
console.log(device.description)
for (const name of asked.models.split(',') as (keyof typeof MODELS)[]) {
  for (const weights of asked.weights.split(',') as WeightFormat[]) await bench(name, weights)
}
device.destroy()

async function bench(name: keyof typeof MODELS, weights: WeightFormat): Promise<void> {
  const checkpoint = { ...syntheticCheckpoint(MODELS[name]), tokenizer: () => Promise.resolve(undefined) }
  const make = (parameters: Model['parameters']): Model => new Model(checkpoint.config, parameters)
  const model = await buildModel(make, checkpoint, device, { weights })
  const ids = model.tokens([Array.from({ length: PROMPT }, (_, i) => (i * 7919) % 50_277)])
  const token = tensor(device, Int32Array.of(7), [1])
  const decoder = new Decoder(model, 1, 1)
  const step = (): void => decoder.step([7], [0])
  step()
  const title = `${name} 130M, ${weights}`
  const works: Work[] = [
    { name: `prompt of ${PROMPT}`, tokens: PROMPT, run: inScope(() => model.last(ids)) },
    { name: 'one token', tokens: 1, bytes: bytesOf(model), run: step },
  ]
  if (asked.profile) {
    await profile(`${title}: prompt of ${PROMPT}`, 3, () => scope(() => void model.last(ids).logits))
    await profile(`${title}: one token`, 20, () => {
      scope(() => void model.step(token, decoder.states))
    })
  } else
    for (const work of works) printTimings(title, await interleaved(device, [work], Number(asked.seconds)))
  decoder.dispose()
  for (const each of [ids, token]) each.dispose()
  model.dispose()
}

function bytesOf({ parameters }: Model): number {
  let bytes = 0
  for (const { tensor } of parameters.all.values()) bytes += 4 * tensor.size
  for (const matrix of parameters.packed.values()) bytes += matrix.bytes
  return bytes
}

/** Runs the launches of `body` one by one, and prints the time that each kernel takes. */
async function profile(title: string, rounds: number, body: () => void): Promise<void> {
  const times = new Map<string, { count: number; best: number[] }>()
  const run = device.run.bind(device)
  for (let round = 0; round <= rounds; round++) {
    let place = 0
    device.run = (launches: readonly WasmLaunch[]): void => {
      for (const launch of launches) {
        void device.synchronize()
        const start = performance.now()
        run([launch])
        // In Node, this waits.
        void device.synchronize()
        note(labelOf(launch), round, place++, performance.now() - start)
      }
    }
    body()
  }
  device.run = run
  console.log(`\n${title}, each launch on its own, fastest of ${rounds}`)
  const rows = [...times].map(([kernel, { best, count }]) => {
    return { kernel, count, ms: best.reduce((sum, each) => sum + each, 0) }
  })
  const all = rows.reduce((sum, { ms }) => sum + ms, 0)
  for (const { kernel, count, ms } of rows.toSorted((a, b) => b.ms - a.ms)) {
    if (ms < all / 500) continue
    const share = `${((100 * ms) / all).toFixed(1)} %`
    console.log(
      `${kernel.padEnd(60)}${String(count).padStart(5)}${ms.toFixed(3).padStart(10)} ms${share.padStart(8)}`,
    )
  }
  console.log(`${'all'.padEnd(65)}${all.toFixed(3).padStart(10)} ms`)

  function note(kernel: string, round: number, place: number, ms: number): void {
    const row = times.get(kernel) ?? { count: 0, best: [] }
    times.set(kernel, row)
    if (round === 0) row.count++
    row.best[place] = Math.min(row.best[place] ?? Number.POSITIVE_INFINITY, ms)
  }
}

/** A kernel, and of products their sizes. */
function labelOf({ kernel, args }: WasmLaunch): string {
  const sizes = (['M', 'N', 'K'] as const)
    .filter((size) => size in args)
    .map((size) => `${size} ${args[size] as number}`)
  return [kernel, ...sizes].join(' ')
}
