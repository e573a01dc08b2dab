// Trains, writes, saves and loads with the installed package: node run.mjs FOLDER; prints what came out.
import { loadModel } from 'sidewinder'
import { constantRate, createModel, randomWindows, Trainer } from 'sidewinder/train'

const [folder] = process.argv.slice(2)
const model = await createModel({
  architecture: 'mamba2',
  layers: 1,
  width: 16,
  vocabulary: 256,
  seed: 1,
  device: 'wasm',
})
const tokens = new TextEncoder().encode('The quick brown fox jumps over the lazy dog. '.repeat(5))
const trainer = new Trainer(model, { schedule: constantRate(1e-2), steps: 5 })
const losses = []
for await (const { loss } of trainer.fit(randomWindows({ tokens, starts: [0] }, { batch: 2, length: 32 })))
  losses.push(loss)

/** @param {import('sidewinder').LanguageModel} writer */
const write = async (writer) => {
  let text = ''
  for await (const piece of writer.session().generate('Call me', { maxTokens: 12, temperature: 0 }))
    text += piece
  return text
}
const text = await write(model)
await model.save(folder)
const loaded = await loadModel(folder, { device: 'wasm' })
const again = await write(loaded)
const { description } = model.device
loaded.device.destroy()
model.device.destroy()
console.log(JSON.stringify({ losses, text, again, description }))
