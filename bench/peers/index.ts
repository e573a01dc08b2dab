// The same prompts and tokens in Sidewinder and in what people would use instead, by turns in one run.
// npm --prefix bench/peers install && npm run bench -- peers [--python /path/to/python] [--rounds 7]
// [--threads 2] [--only llama.cpp] With --train, training steps; with --operations, single operations.
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Engine, type Generated } from './engine.ts'
import { modelFiles, SHAPES, TYPES, type ModelFiles, type ShapeName, type Type } from './models.ts'
import { compareOperations } from './operations.ts'
import { compareTokens, printCase } from './report.ts'
import { sayLeftOut, takeTurns } from './rounds.ts'
import { compareTraining } from './training.ts'
import { TRANSFORMERS } from './engines/transformers.ts'

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
    train: { type: 'boolean', default: false },
    operations: { type: 'boolean', default: false },
    /** Seconds that an engine has for an answer. */
    limit: { type: 'string', default: '180' },
    cache: { type: 'string', default: '.cache/peers' },
  },
})
if (asked.train && asked.operations)
  throw new Error('--train and --operations are runs of their own: give one')
const { threads } = asked
const node = process.execPath

/**
 * Processes by name, ours first. `--node` adds Sidewinder in another Node, with options of it after its path.
 */
function commands(): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  const work = asked.operations ? '-operations' : asked.train ? '-train' : ''
  const ours = ['scripts/run-ts.mjs', `bench/peers/engines/sidewinder${work}.ts`]
  for (const device of asked.devices.split(',')) {
    const gpu = device === 'webgpu' ? ['scripts/with-gpu.mjs'] : []
    found.set(`sidewinder ${device}`, [node, ...gpu, ...ours, device, threads])
    if (asked.node)
      found.set(`sidewinder ${device} --node`, [...asked.node.split(' '), ...gpu, ...ours, device, threads])
  }
  const peers = asked.operations ? operationPeers() : asked.train ? trainingPeers() : generatingPeers()
  const chosen = asked.only === '' ? [...peers.keys()] : asked.only.split(',')
  for (const name of chosen) {
    const command = peers.get(name)
    if (!command) throw new Error(`--only: there is no ${name}, but ${[...peers.keys()].join(', ')}`)
    found.set(name, command)
  }
  return found
}

const generatingPeers = (): Map<string, readonly string[]> =>
  new Map([
    ['llama.cpp', [node, 'bench/peers/engines/llama.mjs', threads]],
    ['wllama', [node, 'bench/peers/engines/wllama.mjs', threads]],
    ...(asked.python ? [['transformers', [asked.python, '-c', TRANSFORMERS, threads]] as const] : []),
  ])

function trainingPeers(): Map<string, readonly string[]> {
  if (!asked.python) throw new Error('--train needs --python, one with torch and safetensors')
  const command = [asked.python, 'bench/peers/engines/pytorch-train.py', threads]
  return new Map(['loop', 'chunks'].map((scan) => [`pytorch ${scan}`, [...command, scan]]))
}

function operationPeers(): Map<string, readonly string[]> {
  const onnxruntime = ['bench/peers/engines/onnxruntime.mjs', threads]
  return new Map([
    ['onnxruntime-web', [node, ...onnxruntime]],
    ...(asked.node ? [['onnxruntime-web --node', [...asked.node.split(' '), ...onnxruntime]] as const] : []),
    ['jax-js', [node, 'bench/peers/engines/jax.mjs', threads]],
  ])
}

const engines: Engine[] = []
let agreed = true
try {
  console.log(`${cpus()[0]?.model}, ${availableParallelism()} cores, ${threads} threads each`)
  for (const [name, command] of commands()) {
    try {
      const engine = await Engine.start(name, command, Number(asked.limit))
      engines.push(engine)
      console.log(`${name}: ${engine.description}`)
    } catch (error) {
      console.log(`${name} is left out: ${String(error)}`)
    }
  }
  const rounds = Number(asked.rounds)
  if (asked.operations) agreed = await compareOperations(engines, rounds)
  else if (asked.train) agreed = await compareTraining(engines, rounds, asked.cache)
  else await compareAll()
} finally {
  for (const engine of engines) await engine.close()
}
process.exitCode = agreed ? 0 : 1

async function compareAll(): Promise<void> {
  for (const model of asked.models.split(',') as ShapeName[]) {
    const files = modelFiles(model, asked.cache)
    for (const type of asked.types.split(',') as Type[]) await compare(model, type, files)
  }
}

/** All engines that can open a model take turns with it. */
async function compare(model: ShapeName, type: Type, files: ModelFiles): Promise<void> {
  const title = `${model} 130M ${type}`
  const able = engines.filter(({ name }) => name !== 'transformers' || type === 'f32')
  const first = new Map<Engine, Generated>()
  for (const engine of able) {
    const path = engine.name === 'transformers' ? await files.safetensors() : await files.gguf(type)
    try {
      await engine.open(path)
      first.set(engine, await engine.run(PROMPT, COUNT))
    } catch (error) {
      sayLeftOut(title, engine, error)
    }
  }
  const agreements = await compareTokens(first, PROMPT)
  if (type === 'f32') agreed &&= [...agreements.values()].every(({ agrees }) => agrees)
  const running = [...first.keys()]
  const rounds = await takeTurns(title, running, Number(asked.rounds), (engine) => engine.run(PROMPT, COUNT))
  printCase(title, { rounds, agreements, prompt: PROMPT.length, count: COUNT })
}
