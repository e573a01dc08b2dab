// What a replayed launch costs on WASM, of kernels that touch one element a thread.
// npm run bench -- launch-wasm [threads...]
import { build } from 'tsdown'

const out = 'node_modules/.cache/sidewinder/bench'
await build({
  entry: ['src/ops/open-device.ts'],
  outDir: out,
  config: false,
  dts: false,
  platform: 'neutral',
  logLevel: 'error',
})
const { openDevice } = await import(new URL(`../${out}/open-device.js`, import.meta.url).href)

const LAUNCHES = 1000
const asked = process.argv.slice(2).map(Number)
for (const threads of asked.length > 0 ? asked : [1, 2]) {
  const device = await openDevice('wasm', { threads })
  const storage = device.heap.allocate(threads)
  const x = { storage, offset: 0, size: threads, rowStride: threads }
  device.write(storage, 0, new Float32Array(threads))
  const launch = { kernel: 'activation', args: { x, y: x, kind: 0 }, items: threads }
  const list = device.record(() => device.run(Array.from({ length: LAUNCHES }, () => launch)))
  const times = []
  for (let i = 0; i < 300; i++) {
    const start = performance.now()
    device.replay(list)
    await device.synchronize()
    times.push(((performance.now() - start) * 1e6) / LAUNCHES)
  }
  times.sort((a, b) => a - b)
  const at = (/** @type {number} */ share) => times[Math.floor(share * times.length)]?.toFixed(0)
  console.log(`${device.description}: ${at(0.1)} ns a launch (a tenth of the runs), ${at(0.5)} (half)`)
  device.destroy()
}
