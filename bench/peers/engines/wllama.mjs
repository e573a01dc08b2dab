// llama.cpp compiled to WebAssembly, in Chromium: node bench/peers/engines/wllama.mjs <threads>
// Times are those that its server takes, without the way through the page.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { obey } from './lines.mjs'
import { openPage } from './page.mjs'

const threads = Number(process.argv[2])
const root = fileURLToPath(new URL('../node_modules/@wllama/wllama/esm', import.meta.url))
statSync(root)
let modelPath = ''

const fileOf = (path) => (path === '/model' ? modelPath : join(root, path))
const { page, browser, close } = await openPage(fileOf)
const build = await page.evaluate(async (url) => {
  const { Wllama } = await import(url)
  globalThis.Wllama = Wllama
  return Wllama.getLibllamaVersion()
}, '/index.js')

await obey(`wllama (llama.cpp ${build} as WebAssembly), Chromium ${browser.version()}, ${threads} threads`, {
  async open({ path }) {
    modelPath = path
    return page.evaluate(async (count) => {
      await globalThis.engine?.exit()
      const blob = await (await fetch('/model')).blob()
      const engine = new globalThis.Wllama({ default: '/wasm/wllama.wasm' })
      engine.setCompat(null)
      globalThis.engine = engine
      await engine.loadModel([blob], {
        n_ctx: 1024,
        n_batch: 512,
        n_threads: count,
        n_gpu_layers: 0,
        n_parallel: 1,
      })
      return { threads: engine.getNumThreads() }
    }, threads)
  },
  async run({ prompt, count }) {
    return page.evaluate(
      async ({ prompt, count }) => {
        const made = await globalThis.engine.createCompletion({
          prompt: String.fromCharCode(...prompt),
          max_tokens: count + 1,
          temperature: 0,
          top_k: 1,
          cache_prompt: false,
          ignore_eos: true,
        })
        const { prompt_n, prompt_ms, predicted_n, predicted_ms } = made.timings
        if (prompt_n !== prompt.length || predicted_n !== count + 1) {
          return { error: `${prompt_n} tokens were read and ${predicted_n} drawn` }
        }
        // Tokens are spelled as their numbers, or as the byte that they are: models.ts.
        const spelled = made.choices[0].text.matchAll(/<(\d+)>|(.)/gs)
        const tokens = Array.from(spelled, ([, id, byte]) =>
          byte === undefined ? Number(id) : byte.charCodeAt(0),
        )
        return { tokens, prefill: prompt_ms / 1000, decode: predicted_ms / 1000 }
      },
      { prompt, count },
    )
  },
})
await close()
