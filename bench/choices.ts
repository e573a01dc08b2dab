// What each choice of src/devices/choices.ts is worth: its work with other values in its place, in
// alternation. npm run bench -- choices [--device wasm] [--threads 2] [--rounds 5] [--only ssdChunk] [--with
// '{"tileColumns":16}']
import { parseArgs } from 'node:util'
import { choicesFor, explainChoices, type ChoiceValues } from '../src/devices/choices.ts'
import type { AnyDevice, DeviceName } from '../src/devices/device.ts'
import { openDevice } from '../src/ops/open-device.ts'
import { place } from '../src/nn/module.ts'
import { randomNormal } from '../src/nn/random-normal.ts'
import { S4D } from '../src/nn/mixers/s4d.ts'
import { scale } from '../src/ops/elementwise/op.ts'
import { withGradients } from '../src/ops/gradients.ts'
import { linear, matmul } from '../src/ops/matmul/op.ts'
import { ssd } from '../src/ops/ssd/op.ts'
import { inScope } from './tools/measure.ts'

const { values: asked } = parseArgs({
  options: {
    device: { type: 'string', default: 'wasm' },
    threads: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    with: { type: 'string', default: '{}' },
    only: { type: 'string', default: '' },
  },
})
const threads = asked.threads === undefined ? {} : { threads: Number(asked.threads) }

/** Choices that all runs share. */
const also = JSON.parse(asked.with) as Partial<ChoiceValues>

type Key = keyof ChoiceValues
type Start = (device: AnyDevice) => () => void

interface Sweep {
  readonly key: Key
  readonly name: string
  readonly values: readonly number[]
  readonly start: Start
}

/** SSD forward and backward, 24 heads of 64, N 128: a layer of a 130M model. */
function trainSsd(device: AnyDevice): () => void {
  const [L, H, N] = [1024, 24, 128]
  const inputs = {
    x: randomNormal(device, [1, L, 64 * H], 1),
    delta: scale(randomNormal(device, [1, L, H], 1), 0.1, -3),
    A: scale(randomNormal(device, [H], 1), 0, -1),
    B: randomNormal(device, [1, L, N], 1),
    C: randomNormal(device, [1, L, N], 1),
  }
  const run = () => ssd(inputs, { groups: 1, deltaSoftplus: true }).y
  return inScope(() => withGradients(Object.values(inputs), run, (y) => new Map([[y, y]])))
}

/** A layer S4D of width 64, forward and backward, over L tokens. */
const trainLti =
  (L: number): Start =>
  (device) => {
    const layer = place(new S4D({ width: 64 }), device, { seed: 1 })
    const x = randomNormal(device, [1, L, 64], 1)
    return inScope(() =>
      withGradients(
        [x],
        () => layer.sequence(x).y,
        (y) => new Map([[y, y]]),
      ),
    )
  }

/** M rows by weights [3072, 768]. */
const project =
  (M: number): Start =>
  (device) => {
    const x = randomNormal(device, [M, 768], 1)
    const weight = randomNormal(device, [3072, 768], 1)
    return inScope(() => linear(x, weight))
  }

/** 512 × 768 × 3072 */
function multiply(device: AnyDevice): () => void {
  const a = randomNormal(device, [512, 768], 1)
  const b = randomNormal(device, [768, 3072], 1)
  return inScope(() => matmul({ a, b }, {}))
}

/** M rows by weights [3072, 768], with the gradients of both. */
const trainProjection =
  (M: number): Start =>
  (device) => {
    const x = randomNormal(device, [M, 768], 1)
    const weight = randomNormal(device, [3072, 768], 1)
    return inScope(() =>
      withGradients(
        [x, weight],
        () => linear(x, weight),
        (y) => new Map([[y, y]]),
      ),
    )
  }

const NEVER = 2 ** 30
const SWEEPS: readonly Sweep[] = [
  { key: 'ssdChunk', name: '1,024 tokens', values: [16, 32, 64, 128], start: trainSsd },
  ...[512, 1024, 2048, 4096].map((L): Sweep => ({
    key: 'ltiConvolution',
    name: `${L} tokens`,
    values: [1, NEVER],
    start: trainLti(L),
  })),
  ...[2, 4, 8, 16, 32, 64].map((M): Sweep => ({
    key: 'fewRows',
    name: `${M} rows`,
    values: [1, NEVER],
    start: project(M),
  })),
  { key: 'largestTile', name: '2,048 rows', values: [64, 128], start: trainProjection(2048) },
  { key: 'largestTile', name: '8,192 rows', values: [64, 128], start: trainProjection(8192) },
  { key: 'transposeFrom', name: '2,048 rows', values: [1, 1024, 2048, NEVER], start: trainProjection(2048) },
  { key: 'transposeFrom', name: '8,192 rows', values: [1, 1024, 2048, NEVER], start: trainProjection(8192) },
  { key: 'tileColumns', name: '512 × 768 × 3072', values: [8, 16], start: multiply },
  { key: 'cacheRows', name: '512 × 768 × 3072', values: [24, 48, 96, 192, 384], start: multiply },
  { key: 'cacheColumns', name: '512 × 768 × 3072', values: [32, 64, 128, 256], start: multiply },
  { key: 'cacheInner', name: '512 × 768 × 3072', values: [256, 384, 512, 768], start: multiply },
]

/** Milliseconds of the fastest of some runs on a device of its own. */
async function timed({ key, start }: Sweep, value: number): Promise<number> {
  const device = await openDevice(asked.device as DeviceName, {
    ...threads,
    choices: { ...also, [key]: value },
  })
  const run = start(device)
  let least = Infinity
  for (let i = 0; i < 8; i++) {
    const begin = performance.now()
    run()
    await device.synchronize()
    least = Math.min(least, performance.now() - begin)
  }
  device.destroy()
  return least
}

const probe = await openDevice(asked.device as DeviceName, threads)
console.log(probe.description)
const taken = new Map<Key, number>(
  explainChoices(choicesFor(probe.choices.kind)).map(({ key, value }) => [key, value]),
)
probe.destroy()
for (const sweep of SWEEPS) {
  if (!taken.has(sweep.key) || !sweep.key.includes(asked.only)) continue
  const times = sweep.values.map((): number[] => [])
  for (let round = 0; round < Number(asked.rounds); round++) {
    for (const [i, value] of sweep.values.entries()) times[i].push(await timed(sweep, value))
  }
  const cells = sweep.values.map((value, i) => {
    const median = times[i].toSorted((a, b) => a - b)[times[i].length >> 1]
    return `${value === NEVER ? '∞' : value}: ${median.toFixed(2)} ms`
  })
  console.log(
    `${sweep.key.padEnd(15)} ${sweep.name.padEnd(17)} ${cells.join('   ')}   taken: ${taken.get(sweep.key)}`,
  )
}
