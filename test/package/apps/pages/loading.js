import { loadModel } from 'sidewinder'
import { modelFiles } from './model.js'

export async function run() {
  const model = await loadModel(await modelFiles(), { device: 'wasm' })
  let text = ''
  for await (const piece of model.session().generate('Call me', { maxTokens: 12, temperature: 0 }))
    text += piece
  const error = await loadModel(new Map()).catch(({ name, message }) => ({ name, message }))
  return { text, device: model.device.description, error }
}
