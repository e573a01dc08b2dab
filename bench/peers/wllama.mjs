// llama.cpp compiled to WebAssembly, in Chromium: node bench/peers/wllama.mjs <threads>
// Times are those that its server takes, without the way through the page.
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { bundled, folderOf, unpack } from '../../scripts/chromium.mjs'
import { obey } from './lines.mjs'

const threads = Number(process.argv[2])
const root = fileURLToPath(new URL('node_modules/@wllama/wllama/esm', import.meta.url))
const types = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html' }
statSync(root)
let modelPath = ''

/** The package, and the model of the moment, with the headers that threads need. */
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  const path = pathname === '/model' ? modelPath : join(root, pathname)
  const isPage = pathname === '/'
  if (!isPage && !statSync(path, { throwIfNoEntry: false })?.isFile()) {
    response.writeHead(404).end()
    return
  }
  response.writeHead(200, {
    'Content-Type': types[isPage ? '.html' : extname(path)] ?? 'application/octet-stream',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  })
  if (isPage) response.end('<!doctype html><title>wllama</title>')
  else createReadStream(path).pipe(response)
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))

if (bundled) await unpack('chromium')
const folder = bundled ? folderOf('chromium') : ''
const browser = await chromium.launch({
  ...(bundled && {
    executablePath: join(folder, 'chromium'),
    env: { ...process.env, LD_LIBRARY_PATH: join(folder, 'lib') },
  }),
  args: ['--no-sandbox', '--disable-background-networking', '--no-first-run'],
})
const page = await browser.newPage()
page.on('console', (message) => console.error(message.text()))
await page.goto(`http://localhost:${server.address().port}/`)
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
await browser.close()
server.close()
