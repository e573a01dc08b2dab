// Does llama.cpp give the logits, tokens and text that Sidewinder gives for the GGUF files that Sidewinder
// writes? npm --prefix bench/peers install && node bench/peers/check-gguf.mjs
import { rm } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { bundle } from '../../scripts/run-ts.mjs'

process.chdir(fileURLToPath(new URL('../..', import.meta.url)))
const file = await bundle('bench/peers/compare-gguf.ts')
try {
  const { compareGguf } = await import(pathToFileURL(file).href)
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error })
  const agreed = await compareGguf(llama)
  await llama.dispose()
  process.exitCode = agreed ? 0 : 1
} finally {
  await rm(file, { force: true })
}
