// What f16, q8 and q4 cost in bits per byte of unseen text and in KL divergence from f32.
// npm run bench -- quantised [seconds of training each, by default 120]
import { createModel } from '../src/language/create-model.ts'
import type { LanguageModel } from '../src/language/language-model.ts'
import { loadModel } from '../src/language/load-model.ts'
import { randomWindows } from '../src/data/batches.ts'
import { openDevice } from '../src/ops/open-device.ts'
import type { WeightFormat } from '../src/models/files/fill.ts'
import { cosine } from '../src/train/schedule.ts'
import { Trainer } from '../src/train/trainer.ts'
import { mobyDick } from '../scripts/moby-dick.mjs'

const SECONDS = Number(process.argv[2] ?? 120)
const FORMATS: readonly WeightFormat[] = ['f32', 'f16', 'q8', 'q4']
const WINDOWS = 32
const LENGTH = 512
const ARCHITECTURES = ['mamba', 'mamba2'] as const

const device = await openDevice('wasm')
const book = mobyDick() as Uint8Array
const cut = book.length - Math.floor(book.length / 10)
const heldOut = book.subarray(cut, cut + WINDOWS * LENGTH)
const rows = Array.from({ length: WINDOWS }, (_, i) => [...heldOut.subarray(i * LENGTH, (i + 1) * LENGTH)])

for (const architecture of ARCHITECTURES) {
  const model = await train(architecture)
  const files = new Map<string, Blob>()
  await model.save(files)
  model.dispose()
  const exact = await load(files, 'f32')
  const truth = await exact.logits(rows)
  console.log(`\n${architecture}, width 256, 4 layers, after ${SECONDS} s of training on Moby Dick:`)
  console.log('weights   MiB    bits per byte   above f32     KL from f32 (nats a byte)   other first choice')
  let base = 0
  for (const weights of FORMATS) {
    const kept = weights === 'f32' ? exact : await load(files, weights)
    const logits = weights === 'f32' ? truth : await kept.logits(rows)
    const { bits, divergence, changed } = compare(truth.data, logits.data)
    if (weights === 'f32') base = bits
    console.log(
      `${weights.padEnd(8)}${(kept.bytes / 2 ** 20).toFixed(2).padStart(6)}${bits.toFixed(5).padStart(14)}` +
        `${(bits - base).toFixed(5).padStart(14)}${divergence.toExponential(2).padStart(20)}${`${(100 * changed).toFixed(2)} %`.padStart(25)}`,
    )
    if (kept !== exact) kept.dispose()
  }
  exact.dispose()
}
device.destroy()

async function train(architecture: (typeof ARCHITECTURES)[number]): Promise<LanguageModel> {
  const model = await createModel({ architecture, layers: 4, width: 256, vocabulary: 256, seed: 1, device })
  const batches = randomWindows(
    { tokens: book.subarray(0, cut), starts: [0] },
    { batch: 8, length: 128, seed: 1 },
  )
  // As many steps as the time takes: the first ones say how long one is.
  const timed = new Trainer(model, { schedule: cosine({ peak: 2e-3 }), steps: 10 })
  const began = performance.now()
  for await (const _ of timed.fit(batches)) void _
  const each = (performance.now() - began) / 10_000
  timed.dispose()
  const steps = Math.max(20, Math.floor(SECONDS / each))
  const trainer = new Trainer(model, { schedule: cosine({ peak: 2e-3 }), steps })
  for await (const _ of trainer.fit(batches)) void _
  trainer.dispose()
  return model
}

function load(files: ReadonlyMap<string, Blob>, weights: WeightFormat): Promise<LanguageModel> {
  return loadModel(files, { device, weights })
}

/** Cross-entropy of the text under `q`, mean KL(p || q), and how often their most probable bytes differ. */
function compare(p: Float32Array, q: Float32Array): { bits: number; divergence: number; changed: number } {
  const V = 256
  let [nats, divergence, changed, count] = [0, 0, 0, 0]
  for (let row = 0; row < WINDOWS; row++) {
    for (let i = 0; i + 1 < LENGTH; i++, count++) {
      const at = (row * LENGTH + i) * V
      const [a, b] = [logSoftmax(p.subarray(at, at + V)), logSoftmax(q.subarray(at, at + V))]
      nats -= b[rows[row][i + 1]]
      for (let v = 0; v < V; v++) divergence += Math.exp(a[v]) * (a[v] - b[v])
      if (argmax(a) !== argmax(b)) changed++
    }
  }
  return { bits: nats / count / Math.LN2, divergence: divergence / count, changed: changed / count }
}

function logSoftmax(logits: Float32Array): Float64Array {
  const most = logits.reduce((a, b) => Math.max(a, b))
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0)
  return Float64Array.from(logits, (logit) => logit - most - Math.log(sum))
}

function argmax(values: Float64Array): number {
  return values.reduce((best, value, i) => (value > values[best] ? i : best), 0)
}
