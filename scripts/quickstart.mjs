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
/** By then a machine that became slower than it was is stopped. */
const STOP_AT = 106
const EVALUATIONS = 4
/** Seconds of timing: other programs that take the cores now and then must show. */
const MEASURE = 6
const MOST_STEPS = 6000
const HELD_OUT = 0.1
// Of twenty combinations, what learns most in 80 seconds on two cores.
const MODEL = { architecture: 'mamba2', layers: 3, width: 96, stateSize: 16 }
const BATCH = { batch: 8, length: 64 }
const LEARNING_RATE = 6e-3

const color = process.stdout.isTTY && !process.env['NO_COLOR']
const bold = (/** @type {string} */ text) => (color ? `\x1b[1m${text}\x1b[0m` : text)

// Ctrl-C reaches the training too, which saves; this waits for it.
let interrupted = false
process.on('SIGINT', () => (interrupted = true))

const book = mobyDick()
const cut = book.length - Math.floor(book.length * HELD_OUT)
const [training, heldOut] = [book.subarray(0, cut), book.subarray(cut)]
mkdirSync('runs', { recursive: true })
const data = join('runs', 'moby-dick.txt')
writeFileSync(data, book)

const { secondsPerStep, device, description } = await measure()
console.log(
  `${bold('Sidewinder quickstart')}: a byte-level Mamba-2 learns from Moby Dick (${(book.length / 1e6).toFixed(2)} MB), ` +
    `the last tenth held out.\nDevice: ${description}. A step takes ${(secondsPerStep * 1000).toFixed(0)} ms.\n`,
)

const run = newFolder(join('runs', 'quickstart'))
await train()

const steps = stepsDone()
const ours = bestValidation() / Math.LN2
console.log(`\n${bold('Bits per byte of the held-out text')} (${heldOut.length} bytes; less is better):\n`)
const rows = [
  [`this model, after ${steps} steps`, ours, 'learned from the rest of the book'],
  ['order-3 model', orderModelBits(training, heldOut, 3), 'counted on the rest of the book'],
  ['xz -9', await xz(), 'compresses the held-out text alone'],
  ['gzip -9', perByte(gzipSync(heldOut, { level: 9 })), 'compresses the held-out text alone'],
]
for (const [name, bits, how] of rows) {
  const line = `  ${name.padEnd(30)} ${(bits?.toFixed(3) ?? '–').padStart(6)}   ${how}`
  console.log(name === rows[0][0] ? bold(line) : line)
}

const prompt = 'It was'
console.log(`\n${bold('It writes')}, 300 characters after “${prompt}”:\n`)
if (!process.stdout.isTTY) process.stdout.write(prompt)
await sidewinder(
  `generate ${run} --max-tokens 300 --temperature 0.7 --seed 1 --device ${device} --prompt`,
  prompt,
)

console.log(`
${bold(`Done in ${elapsed().toFixed(0)} s.`)} The run is in ${run}; open ${join(run, 'loss.svg')} to see it learn.

Try next:
  npx sidewinder generate ${run} --prompt "The whale" --temperature 0.5
  npx sidewinder train text --data ${data}        (4 layers of width 256: slower, and much better)
  npx sidewinder train text --data your-own.txt --architecture mamba
  npx sidewinder train text --help`)

/** Times a few steps of a model that is thrown away. The first ones compile and record. */
async function measure() {
  const opened = await openDevice('auto')
  const model = await createModel({ ...MODEL, vocabulary: 256, device: opened })
  const trainer = new Trainer(model, { schedule: cosine({ peak: LEARNING_RATE }), steps: 1000 })
  const times = []
  let last = performance.now()
  for await (const _ of trainer.fit(randomWindows({ tokens: training, starts: [0] }, BATCH))) {
    times.push(performance.now() - last)
    last = performance.now()
    if (times.length > 8 && elapsed() > MEASURE) break
  }
  const { name, description: about } = opened
  trainer.dispose()
  model.dispose()
  opened.destroy()
  const later = times.slice(3)
  const mean = later.reduce((sum, time) => sum + time, 0) / later.length
  return { secondsPerStep: mean / 1000, device: name, description: about }
}

/** Trains for as many steps as there is time. */
async function train() {
  // An evaluation only reads: about a third of the work of training on as many bytes.
  const evaluation = (secondsPerStep * heldOut.length) / (3 * BATCH.batch * BATCH.length)
  const time = TRAIN_UNTIL - elapsed() - EVALUATIONS * evaluation
  const count = Math.min(MOST_STEPS, Math.max(20, Math.floor((0.9 * time) / secondsPerStep)))
  const every = Math.ceil(count / EVALUATIONS)
  const { architecture, layers, width, stateSize } = MODEL
  const command =
    `train text --data ${data} --out ${run} --device ${device} --validation-part ${HELD_OUT} ` +
    `--architecture ${architecture} --layers ${layers} --width ${width} --state ${stateSize} ` +
    `--batch ${BATCH.batch} --length ${BATCH.length} --steps ${count} --learning-rate ${LEARNING_RATE} ` +
    `--evaluate-every ${every} --checkpoint-every ${every}`
  console.log(`${bold(`$ npx sidewinder ${command}`)}\n`)
  let late = false
  const child = sidewinder(command)
  const timer = setTimeout(
    () => {
      late = true
      child.stop()
    },
    (STOP_AT - elapsed()) * 1000,
  )
  const code = await child
  clearTimeout(timer)
  if (interrupted || (code !== 0 && !late)) process.exit(code ?? 130)
}

/**
 * Runs a command, its words apart by spaces; `last` is one word more.
 * @param {string} command
 * @param {string} [last]
 */
function sidewinder(command, last) {
  const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
  const args = [cli, ...command.split(' '), ...(last === undefined ? [] : [last])]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  const code = new Promise((resolve) => child.on('exit', resolve))
  return Object.assign(code, { stop: () => child.kill('SIGINT') })
}

/** @param {string} base */
function newFolder(base) {
  for (let n = 1; ; n++) if (!existsSync(`${base}-${n}`)) return `${base}-${n}`
}

function metrics() {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line))
}

function stepsDone() {
  return metrics().at(-1).step
}

/** Nats per byte at the best evaluation. */
function bestValidation() {
  return Math.min(...metrics().map(({ validation }) => validation ?? Number.POSITIVE_INFINITY))
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
    const options = { preset: 9, check: lzma.CHECK_CRC64 }
    return perByte(await new Promise((resolve) => lzma.compress(heldOut, options, resolve)))
  } catch {
    return undefined
  }
}
