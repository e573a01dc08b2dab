// SSD against the selective scan with as large a state: the operations alone, and whole training steps.
// npm run bench -- ssd-against-scan [--device wasm] [--threads 2] [--widths 256] [--states 64,128] [--seconds
// 8]
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import type { DeviceName } from '../src/devices/device.ts'
import { openDevice } from '../src/ops/open-device.ts'
import { randomNormal } from '../src/nn/random-normal.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import { interleaved, printTimings, timesAsLong, type Work } from './tools/measure.ts'
import { trainingWork } from './tools/models.ts'
import { scanWorks, ssdWorks } from './tools/operations.ts'

const { values: asked } = parseArgs({
  options: {
    device: { type: 'string', default: 'wasm' },
    threads: { type: 'string', default: '2' },
    widths: { type: 'string', default: '256' },
    states: { type: 'string', default: '64,128' },
    seconds: { type: 'string', default: '8' },
  },
})
const LENGTH = 2048

const device = await openDevice(asked.device as DeviceName, { threads: Number(asked.threads) })
console.log(`${device.description}; load ${loadavg()[0].toFixed(1)}`)
for (const width of asked.widths.split(',').map(Number)) {
  for (const state of asked.states.split(',').map(Number)) {
    await operations(width, state)
    await trainingSteps(width, state)
  }
}
device.destroy()

async function operations(width: number, N: number): Promise<void> {
  const sizes = { L: LENGTH, E: 2 * width, N }
  const made: Tensor[] = []
  const normal = (...shape: number[]): Tensor => {
    made.push(randomNormal(device, shape, 1))
    return made.at(-1)!
  }
  await compare(`operation, width ${width}, N ${N}`, [
    scanWorks(normal, sizes)[1],
    ssdWorks(normal, sizes)[1],
  ])
  for (const each of made) each.dispose()
}

async function trainingSteps(width: number, state: number): Promise<void> {
  const shared = { layers: 2, width, vocabulary: 256, state }
  const rows = { batch: 1, length: LENGTH }
  const scan = await trainingWork(device, { ...shared, architecture: 'mamba' }, rows)
  const ssd = await trainingWork(device, { ...shared, architecture: 'mamba2', headDim: 64 }, rows)
  await compare(`training step, 2 layers, width ${width}, N ${state}`, [scan.works[0], ssd.works[0]])
  scan.dispose()
  ssd.dispose()
}

async function compare(title: string, works: readonly [scan: Work, ssd: Work]): Promise<void> {
  const timings = await interleaved(device, works, Number(asked.seconds))
  const [scan, ssd] = timings
  printTimings(`${title}: scan, then SSD`, timings)
  console.log(`the scan takes ${timesAsLong(scan, ssd)} times as long`)
}
