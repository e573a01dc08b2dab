// Trains on a text in the page and writes with the result. Uses the built package as it is: `npm run build`
// first, then serve this repository with cross-origin isolation (see serve.mjs) so that WebAssembly may use
// threads.
import { generateText, openDevice } from '../../dist/index.js'
import { cosine, createModel, randomWindows, Trainer } from '../../dist/train.js'

const TEXT = `Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse, and
nothing particular to interest me on shore, I thought I would sail about a little and see the watery part of the world. It is a way
I have of driving off the spleen and regulating the circulation. Whenever I find myself growing grim about the mouth; whenever it is
a damp, drizzly November in my soul; whenever I find myself involuntarily pausing before coffin warehouses, and bringing up the rear
of every funeral I meet, then, I account it high time to get to sea as soon as I can.\n`

const asked = new URLSearchParams(location.search)
const steps = Number(asked.get('steps') ?? 50)
const architecture = asked.get('architecture') ?? 'mamba2'
const show = (id, text) => {
  document.getElementById(id).textContent = text
}

try {
  const device = await openDevice(asked.get('device') ?? 'auto', { software: asked.has('software') })
  const width = Number(asked.get('width') ?? 64)
  const model = await createModel({ architecture, layers: 2, width, stateSize: 16, vocabulary: 256, device })
  const trainer = new Trainer(model, { schedule: cosine({ peak: 5e-3 }), steps })
  const corpus = { tokens: new TextEncoder().encode(TEXT), starts: [0] }
  const losses = []
  for await (const { step, loss } of trainer.fit(randomWindows(corpus, { batch: 4, length: width }))) {
    losses.push(loss / Math.LN2)
    show(
      'status',
      `${device.description}: step ${step} of ${steps}, ${losses.at(-1).toFixed(2)} bits per byte`,
    )
    const points = losses.map((bits, i) => `${(300 * i) / steps},${100 - 12 * bits}`)
    document.getElementById('curve').setAttribute('points', points.join(' '))
  }
  let text = 'Call me '
  for await (const piece of generateText(model, text, { maxTokens: 200, temperature: 0.5 }))
    show('text', (text += piece))
  globalThis.finished = { losses, text, device: device.description }
} catch (error) {
  show('status', `${error.name}: ${error.message}`)
  globalThis.finished = { error: `${error.name}: ${error.message}\n${error.stack}` }
}
