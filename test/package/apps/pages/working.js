import { modelFiles } from './model.js'

export async function run() {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  const files = await modelFiles()
  return new Promise((resolve, reject) => {
    worker.addEventListener('message', ({ data }) => resolve(data))
    worker.addEventListener('error', ({ message }) => reject(new Error(message)))
    worker.postMessage(files)
  })
}
