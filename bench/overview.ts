// Operations, training steps, prompts and single tokens.
// npm run bench -- overview [--device wasm] [--threads 2] [--only matmul]
import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { openDevice } from '../src/ops/open-device.ts'
import type { DeviceName } from '../src/devices/device.ts'
import { measureLimits } from './tools/limits.ts'
import { interleaved, printTimings } from './tools/measure.ts'
import { modelWorks } from './tools/models.ts'
import { operationWorks } from './tools/operations.ts'

const { values: asked } = parseArgs({
  options: {
    device: { type: 'string', default: 'wasm' },
    threads: { type: 'string' },
    software: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '3' },
  },
})

const device = await openDevice(asked.device as DeviceName, {
  software: asked.software,
  ...(asked.threads === undefined ? {} : { threads: Number(asked.threads) }),
})
console.log(`${device.description}; load ${loadavg()[0].toFixed(1)}`)
// Of a GPU we cannot measure what it can do at most.
const threads = asked.threads === undefined ? Math.min(availableParallelism(), 16) : Number(asked.threads)
const limits = asked.device === 'wasm' ? await measureLimits(threads) : undefined
if (limits) {
  const [flops, bytes] = [limits.flops / 1e9, limits.bytes / 1e9].map((each) => each.toFixed(1))
  console.log(`100% is ${flops} GFLOP/s of multiply-adds in registers, and ${bytes} GB/s of plain reads`)
}
const chosen = (name: string): boolean => name.includes(asked.only)
for (const [title, works] of operationWorks(device)) {
  const some = works.filter(({ name }) => chosen(`${title} ${name}`))
  if (some.length > 0) printTimings(title, await interleaved(device, some, Number(asked.seconds)), limits)
}
for (const [title, make] of modelWorks(device)) {
  if (!chosen(title)) continue
  const made = await make()
  printTimings(title, await interleaved(device, made.works, Number(asked.seconds)), limits)
  made.dispose()
}
device.destroy()
