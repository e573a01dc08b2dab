// The same prompts and tokens in Sidewinder and in what people would use instead, by turns in one run.
// npm --prefix bench/peers install && npm run bench:peers [-- --python /path/to/python --rounds 7 --threads 2 --only llama.cpp]
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { Engine, type Generated } from './engine.ts'
import { modelFiles, SHAPES, TYPES, type ModelFiles, type ShapeName, type Type } from './models.ts'
import { compareTokens, printCase } from './report.ts'
import { TRANSFORMERS } from './transformers.ts'

/** Tokens that are single printable characters: wllama takes text. */
const PROMPT = Array.from({ length: 512 }, (_, i) => 33 + ((i * i * 31 + i * 17) % 94))
const COUNT = 64

const { values: asked } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    threads: { type: 'string', default: String(availableParallelism()) },
    devices: { type: 'string', default: 'wasm' },
    only: { type: 'string', default: '' },
    models: { type: 'string', default: Object.keys(SHAPES).join() },
    types: { type: 'string', default: TYPES.join() },
    python: { type: 'string' },
    node: { type: 'string' },
    cache: { type: 'string', default: '.cache/peers' },
  },
})
const { threads } = asked
const node = process.execPath

/** Processes by name, ours first. `--node` adds Sidewinder in another Node. */
function commands(): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  const ours = ['scripts/run-ts.mjs', 'bench/peers/sidewinder.ts']
  for (const device of asked.devices.split(',')) {
    const gpu = device === 'webgpu' ? ['scripts/with-gpu.mjs'] : []
    found.set(`sidewinder ${device}`, [node, ...gpu, ...ours, device, threads])
    if (asked.node) found.set(`sidewinder ${device} --node`, [asked.node, ...gpu, ...ours, device, threads])
  }
  const peers = new Map([
    ['llama.cpp', [node, 'bench/peers/llama.mjs', threads]],
    ['wllama', [node, 'bench/peers/wllama.mjs', threads]],
    ...(asked.python ? [['transformers', [asked.python, '-c', TRANSFORMERS, threads]] as const] : []),
  ])
  const chosen = asked.only === '' ? [...peers.keys()] : asked.only.split(',')
  for (const name of chosen) {
    const command = peers.get(name)
    if (!command) throw new Error(`--only: there is no ${name}, but ${[...peers.keys()].join(', ')}`)
    found.set(name, command)
  }
  return found
}

const engines: Engine[] = []
let agreed = true
try {
  console.log(`${cpus()[0]?.model}, ${availableParallelism()} cores, ${threads} threads each`)
  for (const [name, command] of commands()) {
    try {
      const engine = await Engine.start(name, command)
      engines.push(engine)
      console.log(`${name}: ${engine.description}`)
    } catch (error) {
      console.log(`${name} is left out: ${String(error)}`)
    }
  }
  for (const model of asked.models.split(',') as ShapeName[]) {
    const files = modelFiles(model, asked.cache)
    for (const type of asked.types.split(',') as Type[]) await compare(model, type, files)
  }
} finally {
  for (const engine of engines) await engine.close()
}
process.exitCode = agreed ? 0 : 1

/** All engines that can open a model take turns with it. */
async function compare(model: ShapeName, type: Type, files: ModelFiles): Promise<void> {
  const able = engines.filter(({ name }) => name !== 'transformers' || type === 'f32')
  const running: Engine[] = []
  const times = new Map<Engine, Generated[]>()
  const first = new Map<Engine, Generated>()
  for (const engine of able) {
    const path = engine.name === 'transformers' ? await files.safetensors() : await files.gguf(type)
    try {
      await engine.open(path)
      first.set(engine, await engine.run(PROMPT, COUNT))
      times.set(engine, [])
      running.push(engine)
    } catch (error) {
      console.log(`${model} ${type}: ${engine.name} is left out: ${String(error)}`)
    }
  }
  const agreements = await compareTokens(first, PROMPT)
  if (type === 'f32') agreed &&= [...agreements.values()].every(({ agrees }) => agrees)
  const load = loadavg()[0]
  for (let round = 0; round < Number(asked.rounds); round++) {
    const order = round % 2 === 0 ? running : running.toReversed()
    for (const engine of order) times.get(engine)!.push(await engine.run(PROMPT, COUNT))
  }
  printCase(`${model} 130M ${type}`, { times, agreements, prompt: PROMPT.length, count: COUNT, load })
}
