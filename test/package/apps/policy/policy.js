import { createModel } from '../node_modules/sidewinder/dist/train.js'
import { openDevice } from '../node_modules/sidewinder/dist/index.js'

async function run() {
  const refused = await openDevice('wasm').then(
    () => 'opened',
    ({ name, hint }) => `${name}: ${hint}`,
  )
  const device = await openDevice('wasm', { worker: '../node_modules/sidewinder/dist/thread.js' })
  const model = await createModel({ architecture: 'mamba2', layers: 1, width: 16, vocabulary: 256, device })
  let tokens = 0
  for await (const _ of model.session().generate('Call me', { maxTokens: 5, temperature: 0 })) tokens++
  return { refused, device: device.description, tokens }
}

void run()
  .catch((error) => ({ error: String(error) }))
  .then((result) => console.log(JSON.stringify(result)))
