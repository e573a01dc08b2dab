// npm run bench [-- --device wasm --threads 2 --only matmul]
import { parseArgs } from 'node:util'
import { openDevice } from '../src/devices/open.ts'
import type { DeviceName } from '../src/devices/device.ts'
import { interleaved, printTimings } from './measure.ts'
import { modelWorks } from './models.ts'
import { operationWorks } from './operations.ts'

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
console.log(device.description)
const chosen = (name: string): boolean => name.includes(asked.only)
for (const [title, works] of operationWorks(device)) {
  const some = works.filter(({ name }) => chosen(`${title} ${name}`))
  if (some.length > 0) printTimings(title, await interleaved(device, some, Number(asked.seconds)))
}
for (const [title, make] of modelWorks(device)) {
  if (!chosen(title)) continue
  const made = await make()
  printTimings(title, await interleaved(device, made.works, Number(asked.seconds)))
  made.dispose()
}
device.destroy()
