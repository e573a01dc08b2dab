import { loadModel } from 'sidewinder'

addEventListener('message', ({ data }) => void answer(data))

async function answer(files) {
  const model = await loadModel(files, { device: 'wasm' })
  let text = ''
  for await (const piece of model.session().generate('Call me', { maxTokens: 12, temperature: 0 }))
    text += piece
  postMessage({ text, device: model.device.description })
}
