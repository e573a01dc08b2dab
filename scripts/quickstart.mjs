// Trains a Mamba-2 on Moby Dick in under two minutes, by the same commands that you would type.
// Run by `npm run quickstart`, which installs and builds first.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { openDevice } from '../dist/index.js'
import { cosine, createModel, randomWindows, Trainer } from '../dist/train.js'
import { mobyDick } from './moby-dick.mjs'
import { orderModelBits } from './order-n.mjs'

const start = performance.now()
const elapsed = () => (performance.now() - start) / 1000
/** Seconds from the first line to the end of training; what comes after takes a few more. */
const TRAIN_UNTIL = 98
/** By then a machine that became slower than measured is stopped. */
const STOP_AT = 106
const HELD_OUT = 0.1
const MODEL = { architecture: 'mamba2', layers: 3, width: 96, state: 16 }
const BATCH = { batch: 8, length: 64 }
const LEARNING_RATE = 6e-3
const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
const bold = (/** @type {string} */ text) =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? `\x1b[1m${text}\x1b[0m` : text

// Ctrl-C reaches the training too, which saves; this waits for it.
let interrupted = false
process.on('SIGINT', () => (interrupted = true))

const book = mobyDick()
const cut = book.length - Math.floor(book.length * HELD_OUT)
const [training, heldOut] = [book.subarray(0, cut), book.subarray(cut)]
mkdirSync('runs', { recursive: true })
const data = join('runs', 'moby-dick.txt')
writeFileSync(data, book)

const { secondsPerStep, description } = await measure()
console.log(
  `${bold('Sidewinder quickstart')}: a byte-level Mamba-2 learns from Moby Dick (${(book.length / 1e6).toFixed(2)} MB), ` +
    `the last tenth held out.\nDevice: ${description}. A step takes ${(secondsPerStep * 1000).toFixed(0)} ms.\n`,
)

const evaluations = 3
/** An evaluation only reads: about a third of the work of training on as many bytes. */
const evaluation = (secondsPerStep * heldOut.length) / (3 * BATCH.batch * BATCH.length)
const steps = Math.max(20, Math.floor((TRAIN_UNTIL - elapsed() - evaluations * evaluation) / secondsPerStep))
const run = newFolder(join('runs', 'quickstart'))
const flags = { data, out: run, ...MODEL, ...BATCH, steps, 'learning-rate': LEARNING_RATE }
const saving = {
  'evaluate-every': Math.ceil(steps / evaluations),
  'checkpoint-every': Math.ceil(steps / evaluations),
}
const stopped = await sidewinder(
  [
    'train',
    'text',
    ...Object.entries({ ...flags, ...saving }).flatMap(([flag, value]) => [`--${flag}`, String(value)]),
  ],
  (STOP_AT - elapsed()) * 1000,
)
if (interrupted || stopped.code !== 0) process.exit(stopped.code ?? 130)

const ours = bestValidation(run) / Math.LN2
console.log(`\n${bold('Bits per byte of the held-out text')} (${heldOut.length} bytes; less is better):\n`)
const rows = [
  [`this model, after ${steps} steps`, ours, 'read the rest of the book'],
  ['gzip -9', perByte(gzipSync(heldOut, { level: 9 })), 'compresses the held-out text alone'],
  ['xz -9', await xz(), 'compresses the held-out text alone'],
  ['order-3 model', orderModelBits(training, heldOut, 3), 'counted on the rest of the book'],
]
for (const [name, bits, how] of rows) {
  const shown = bits === undefined ? '    –' : bits.toFixed(3).padStart(5)
  const line = `  ${name.padEnd(30)} ${shown}   ${how}`
  console.log(name === rows[0][0] ? bold(line) : line)
}

console.log(`\n${bold('It writes')} (300 characters after “It was”):\n`)
process.stdout.write('It was')
await sidewinder([
  'generate',
  run,
  '--prompt',
  'It was',
  '--max-tokens',
  '300',
  '--temperature',
  '0.7',
  '--seed',
  '1',
])

console.log(`
${bold(`Done in ${elapsed().toFixed(0)} s.`)} The run is in ${run}: open ${join(run, 'loss.svg')} to see it learn.

Try next:
  npx sidewinder generate ${run} --prompt "The whale" --temperature 0.5
  npx sidewinder train text --data ${data} --steps ${steps * 10} --width 256 --layers 4     (an hour or so: much better)
  npx sidewinder train text --data your-own.txt --architecture mamba
  npx sidewinder train text --help`)

/** Times a few steps of a model that is thrown away. The first one compiles and records. */
async function measure() {
  const device = await openDevice('auto')
  const model = await createModel({ ...MODEL, vocabulary: 256, device })
  const trainer = new Trainer(model, { schedule: cosine({ peak: LEARNING_RATE }), steps: 1000 })
  const times = []
  let last = performance.now()
  for await (const _ of trainer.fit(randomWindows({ tokens: training, starts: [0] }, BATCH))) {
    times.push(performance.now() - last)
    last = performance.now()
    if (times.length > 5 && (times.length > 30 || elapsed() > 5)) break
  }
  const { description } = device
  trainer.dispose()
  model.dispose()
  device.destroy()
  const later = times.slice(2).toSorted((a, b) => a - b)
  return { secondsPerStep: later[Math.floor(later.length * 0.6)] / 1000, description }
}

/**
 * Runs a command as a shell would, and shows it.
 * @param {string[]} args
 * @param {number} [limit] milliseconds after which it is asked to stop
 * @returns {Promise<{ code: number | null }>}
 */
function sidewinder(args, limit) {
  if (limit) console.log(`${bold(`$ npx sidewinder ${args.join(' ')}`)}\n`)
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['inherit', 'inherit', 'inherit'] })
  const timer = limit && setTimeout(() => child.kill('SIGINT'), limit)
  return new Promise((resolve) =>
    child.on('exit', (code) => {
      clearTimeout(timer)
      resolve({ code })
    }),
  )
}

/** @param {string} base */
function newFolder(base) {
  for (let n = 1; ; n++) if (!existsSync(`${base}-${n}`)) return `${base}-${n}`
}

/** Nats per byte at the best evaluation. @param {string} run */
function bestValidation(run) {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n')
  return Math.min(...lines.map((line) => JSON.parse(line).validation ?? Number.POSITIVE_INFINITY))
}

/** @param {Uint8Array} compressed */
function perByte(compressed) {
  return (compressed.length * 8) / heldOut.length
}

/** The real encoder; its native part exists for the common platforms only. */
async function xz() {
  try {
    const { default: lzma } = await import('lzma-native')
    // As the command does it: preset 9 and a CRC-64.
    return perByte(
      await new Promise((resolve) => lzma.compress(heldOut, { preset: 9, check: lzma.CHECK_CRC64 }, resolve)),
    )
  } catch {
    return undefined
  }
}
