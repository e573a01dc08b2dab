// Peak resident memory of a prompt of 512 tokens and 64 more, against weights and state. Linux only.
// npm run bench -- peers/memory [--threads 2] [--models mamba,mamba2] [--weights f32,q8,q4] [--cache
// .cache/peers]
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openDevice } from '../../src/ops/open-device.ts'
import { loadModel } from '../../src/language/load-model.ts'
import type { WeightFormat } from '../../src/models/files/fill.ts'
import { modelFiles, type ShapeName } from './models.ts'

const MiB = 2 ** 20
const PROMPT = 512
const COUNT = 64

interface Measured {
  readonly weights: number
  readonly state: number
  /** Resident bytes at most above those before loading: after loading, after the prompt, after all tokens. */
  readonly loaded: number
  readonly prompt: number
  readonly all: number
  /** What activations reserve of it. */
  readonly activations: number
}

const { values: asked, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '2' },
    models: { type: 'string', default: 'mamba,mamba2' },
    weights: { type: 'string', default: 'f32,q8,q4' },
    cache: { type: 'string', default: '.cache/peers' },
  },
})
const [path] = positionals
const kinds = asked.weights.split(',') as WeightFormat[]
if (path === undefined) await parent()
else await child(path, kinds[0])

/** In a process of its own: loads and generates once. */
async function child(folder: string, kept: WeightFormat): Promise<void> {
  const device = await openDevice('wasm', { threads: Number(asked.threads) })
  globalThis.gc?.()
  const before = process.memoryUsage.rss()
  const model = await loadModel(folder, { device, weights: kept })
  const { bytes: weights } = model
  const loaded = mostResident() - before
  const session = model.session({ rewind: false })
  const prompt = Array.from({ length: PROMPT }, (_, i) => (i * 7919) % 50_277)
  const drawn = session.generateTokens(prompt, { temperature: 0, maxTokens: COUNT + 1, stopTokens: [] })
  await drawn.next()
  const afterPrompt = mostResident() - before
  for await (const _ of drawn);
  const measured: Measured = {
    weights,
    state: session.stateBytes,
    loaded,
    prompt: afterPrompt,
    all: mostResident() - before,
    activations: device.arena.reservedBytes,
  }
  process.stdout.write(JSON.stringify(measured))
  session.dispose()
  device.destroy()
}

/** Of this process alone: the system's `maxRSS` also counts what the parent had when it forked. */
function mostResident(): number {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1])
}

async function parent(): Promise<void> {
  console.log(`MiB above what was resident before loading, no tokenizer; wasm, ${asked.threads} threads`)
  console.log(row('model', 'weights', 'state', 'activations', 'loaded', 'prompt', 'tokens', 'allowed'))
  for (const model of asked.models.split(',') as ShapeName[]) {
    const folder = await modelFiles(model, asked.cache).safetensors()
    for (const kept of kinds) report(`${model} ${kept}`, measure(folder, kept))
  }
}

function measure(folder: string, kept: WeightFormat): Measured {
  const { stdout, status, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', fileURLToPath(import.meta.url), folder, '--weights', kept, '--threads', asked.threads],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`${folder}: ${stderr}`)
  return JSON.parse(stdout) as Measured
}

function report(name: string, { weights, state, activations, loaded, prompt, all }: Measured): void {
  const allowed = 1.15 * weights + state + 64 * MiB
  const cells = [weights, state, activations, loaded, prompt, all, allowed]
  const above = all > allowed ? '   ABOVE' : ''
  console.log(`${row(name, ...cells.map((each) => (each / MiB).toFixed(0)))}${above}`)
}

function row(name: string, ...cells: readonly string[]): string {
  return [name.padEnd(14), ...cells.map((cell) => cell.padStart(13))].join('')
}
