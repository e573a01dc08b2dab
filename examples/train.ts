/**
 * Trains a small Mamba-2 on a text, shows its loss, and saves it for `generate.ts`, for `npx sidewinder` and
 * for transformers.
 *
 *     node scripts/run-ts.mjs examples/train.ts --text README.md --steps 200 --out runs/example
 */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { createModel, openDevice } from 'sidewinder'
import { language } from 'sidewinder/tasks'
import { cosine, evaluate, randomWindows, stretches, Trainer } from 'sidewinder/train'

const { values } = parseArgs({
  options: {
    text: { type: 'string', default: 'README.md' },
    steps: { type: 'string', default: '200' },
    out: { type: 'string', default: 'runs/example' },
  },
})
const steps = Number(values.steps)

// Bytes are the tokens: 256 of them. The last tenth of the text is held out.
const text = await readFile(values.text)
const cut = Math.floor(text.length * 0.9)
const training = { tokens: text.subarray(0, cut), starts: [0] }
const heldOut = text.subarray(cut)

const device = await openDevice('auto') // the GPU if there is one, else the CPU
const model = await createModel({
  architecture: 'mamba2',
  layers: 2,
  width: 64,
  vocabulary: 256,
  seed: 1,
  device,
})
console.log(`${device.description}: ${model.size} parameters, ${text.length} bytes of text`)

const trainer = new Trainer(model, { schedule: cosine({ peak: 5e-3 }), steps })
const windows = randomWindows(training, { batch: 8, length: 64, seed: 1 })
for await (const { step, loss } of trainer.fit(windows)) {
  if (step % 20 === 0 || step === steps) console.log(`step ${step}: ${bits(loss)} bits per byte`)
}
trainer.dispose()

const { loss } = await evaluate(model, language(), stretches(heldOut, { length: 64 }))
console.log(`held-out text: ${bits(loss)} bits per byte`)

await model.save(values.out)
console.log(`saved in ${values.out}`)
model.dispose()
device.destroy()

/** Losses are in nats. */
function bits(loss: number): string {
  return (loss / Math.LN2).toFixed(2)
}
