// llama.cpp in its native build for CPUs: node bench/peers/engines/llama.mjs <threads>
import { readFile } from 'node:fs/promises'
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { obey } from './lines.mjs'

const threads = Number(process.argv[2])
const llama = await getLlama({
  gpu: false,
  build: 'never',
  maxThreads: threads,
  logLevel: LlamaLogLevel.error,
})
const about = new URL('../node_modules/node-llama-cpp/package.json', import.meta.url)
const { version } = JSON.parse(await readFile(about, 'utf8'))
let model
let sequence

await obey(
  `llama.cpp ${llama.llamaCppRelease.release}, native, node-llama-cpp ${version}, ${threads} threads`,
  {
    async open({ path }) {
      await model?.dispose()
      model = await llama.loadModel({ modelPath: path, gpuLayers: 0 })
      const context = await model.createContext({
        contextSize: 1024,
        batchSize: 512,
        threads: { ideal: threads, min: threads },
      })
      sequence = context.getSequence()
      return {}
    },
    async run({ prompt, count }) {
      await sequence.clearHistory()
      const tokens = []
      const start = performance.now()
      let first = start
      for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
        if (tokens.push(token) === 1) first = performance.now()
        if (tokens.length > count) break
      }
      return { tokens, prefill: (first - start) / 1000, decode: (performance.now() - first) / 1000 }
    },
  },
)
await llama.dispose()
