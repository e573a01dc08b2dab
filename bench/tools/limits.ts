/**
 * What the machine can do at most through WebAssembly on so many threads: multiply-adds from registers, and
 * plain reads.
 */
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { compileText } from './assembly.ts'

export interface Limits {
  /** Floating-point operations a second. */
  readonly flops: number
  /** Bytes a second. */
  readonly bytes: number
}

/** Larger than caches; each thread reads its own. */
const BUFFER = 128 << 20
const SECONDS = 0.4
const TURNS = 1 << 20
const FLOPS_A_TURN = 96

/** Both builds are tried, as kernels may use either; the faster one is the limit. */
export async function measureLimits(threads: number): Promise<Limits> {
  setFlagsFromString('--experimental-wasm-relaxed-simd')
  const builds = await Promise.all(
    ['simd', 'simd,relaxed-simd'].map((features) => compileText('bench/tools/limits.as.ts', features)),
  )
  const usable = builds.filter((bytes) => WebAssembly.validate(bytes))
  let [flops, bytes] = [0, 0]
  for (const module of usable) {
    flops = Math.max(
      flops,
      FLOPS_A_TURN * TURNS * (await callsPerSecond(module, 'multiplyAdd', [TURNS], threads)),
    )
    bytes = Math.max(bytes, BUFFER * (await callsPerSecond(module, 'readAll', [0, BUFFER], threads)))
  }
  return { flops, bytes }
}

/**
 * Threads that begin together and call an export again and again; their calls over the time of each, added
 * up.
 */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const { module, name, args, seconds, pages, gate, threads } = workerData
const memory = new WebAssembly.Memory({ initial: pages })
new Int32Array(memory.buffer).fill(1)
const call = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory, abort() {} } }).exports[name]
for (let i = 0; i < 2; i++) call(...args)
if (Atomics.add(gate, 0, 1) === threads - 1) Atomics.notify(gate, 0)
for (let here = Atomics.load(gate, 0); here < threads; here = Atomics.load(gate, 0)) Atomics.wait(gate, 0, here)
let best = 0
for (let begin = performance.now(); performance.now() - begin < seconds * 1000;) {
  const start = performance.now()
  call(...args)
  best = Math.max(best, 1000 / (performance.now() - start))
}
parentPort.postMessage(best)
`

async function callsPerSecond(
  module: Uint8Array,
  name: 'multiplyAdd' | 'readAll',
  args: readonly number[],
  threads: number,
): Promise<number> {
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const pages = 1 + (name === 'readAll' ? BUFFER >> 16 : 0)
  const workerData = { module, name, args, seconds: SECONDS, pages, gate, threads }
  const rates = await Promise.all(
    Array.from(
      { length: threads },
      () =>
        new Promise<number>((resolve, reject) => {
          const worker = new Worker(THREAD, { eval: true, workerData })
          worker.once('message', resolve)
          worker.once('error', reject)
        }),
    ),
  )
  return rates.reduce((sum, each) => sum + each, 0)
}
