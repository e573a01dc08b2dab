// Time and memory against length, from 1K to 256K tokens, of models with 2 layers.
// npm run bench -- scaling [--device webgpu] [--seconds 60] [--svg docs/benchmarks]
import { parseArgs } from 'node:util'
import { loadavg } from 'node:os'
import type { AnyDevice, DeviceName } from '../src/devices/device.ts'
import { openDevice } from '../src/ops/open-device.ts'
import { makeFolder, writeAtomically } from '../src/checkpoints/atomic.ts'
import { modelConfig } from '../src/models/config.ts'
import { Model } from '../src/models/model.ts'
import { withGradients } from '../src/ops/gradients.ts'
import { language } from '../src/tasks/language.ts'
import { taskLoss } from '../src/tasks/loss.ts'
import { scope } from '../src/tensor/scope.ts'
import { tensor } from '../src/tensor/tensor.ts'
import { logLogChart, type Series } from './tools/chart.ts'

const { values: asked } = parseArgs({
  options: {
    device: { type: 'string', default: 'wasm' },
    threads: { type: 'string' },
    software: { type: 'boolean', default: false },
    width: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '40' },
    longest: { type: 'string', default: '262144' },
    memory: { type: 'string', default: '3000' },
    svg: { type: 'string' },
  },
})

const LAYERS = 2
const NAMES = {
  s4d: 'LTI (S4D)',
  mamba: 'Mamba-1',
  mamba2: 'Mamba-2',
  transformer: 'attention',
} as const
type Name = keyof typeof NAMES
/** Slopes are fitted over these lengths, where fixed costs and the longest runs do not bend them. */
const FITTED = { from: 4096, to: 65_536 } as const
const MiB = 2 ** 20

interface Point {
  readonly length: number
  readonly seconds: number
  /** Most bytes of activations at once. */
  readonly bytes: number
}

const device = await openDevice(asked.device as DeviceName, {
  software: asked.software,
  ...(asked.threads === undefined ? {} : { threads: Number(asked.threads) }),
})
console.log(
  `${device.description}; ${LAYERS} layers, width ${asked.width}, batch 1, f32; load ${loadavg()[0].toFixed(1)}`,
)
for (const [title, training] of [
  ['forward', false],
  ['training step', true],
] as const) {
  const measured = new Map<Name, Point[]>()
  for (const each of Object.keys(NAMES) as Name[]) measured.set(each, await scaling(device, each, training))
  print(title, measured)
  if (asked.svg !== undefined) await draw(asked.svg, title, measured)
}
device.destroy()

/** Longer and longer, until the time or the memory for the next one would be more than there is. */
async function scaling(on: AnyDevice, architecture: Name, training: boolean): Promise<Point[]> {
  const config = modelConfig({ architecture, layers: LAYERS, width: Number(asked.width), vocabulary: 256 })
  const model = Model.create(config, on, 1)
  const points: Point[] = []
  const end = performance.now() + 1000 * Number(asked.seconds)
  for (let length = 1024; length <= Number(asked.longest); length *= 2) {
    const [before, last] = points.slice(-2)
    // Attention costs four times as much at twice the length.
    const growth = before && last ? Math.max(2, last.seconds / before.seconds) : 2
    if (last && performance.now() + 1000 * 2 * growth * last.seconds > end) break
    if (last && 2 * last.bytes > Number(asked.memory) * MiB) break
    points.push(await measure(model, length, training))
  }
  model.dispose()
  return points
}

/** The fastest of a few runs: other programs only ever add. */
async function measure(model: Model, length: number, training: boolean): Promise<Point> {
  const { device: on, parameters } = model
  const ids = Int32Array.from({ length }, (_, i) => (i * 7919) % 251)
  const [tokens, labels, one] = [tensor(on, ids, [1, length]), tensor(on, ids, [1, length]), tensor(on, [1])]
  const weights = [...parameters.values()].map(({ tensor: each }) => each)
  const arena = on.createArena()
  const body = (): void => {
    if (!training) model.last(tokens)
    else {
      withGradients(
        weights,
        () => taskLoss(model, language(), { tokens, labels }),
        ({ loss }) => new Map([[loss, one]]),
      )
    }
  }
  let seconds = Number.POSITIVE_INFINITY
  let spent = 0
  for (let run = 0; run < 2 || (run < 7 && spent < 1.5); run++) {
    const start = performance.now()
    scope(body, arena)
    await on.synchronize()
    const took = (performance.now() - start) / 1000
    spent += took
    if (run > 0) seconds = Math.min(seconds, took)
  }
  const bytes = arena.peakBytes
  arena.destroy()
  for (const each of [tokens, labels, one]) each.dispose()
  return { length, seconds, bytes }
}

function print(title: string, measured: ReadonlyMap<Name, readonly Point[]>): void {
  const lengths = [...new Set([...measured.values()].flatMap((points) => points.map(({ length }) => length)))]
  console.log(`\n${title}: ms / MiB of activations, by length`)
  console.log(
    ['', ...lengths.map(short), 'slopes 4K–64K'].map((cell, i) => cell.padEnd(i === 0 ? 11 : 14)).join(''),
  )
  for (const [architecture, points] of measured) {
    const cells = lengths.map((length) => {
      const point = points.find((each) => each.length === length)
      return point ? `${(point.seconds * 1000).toFixed(0)} / ${(point.bytes / MiB).toFixed(0)}` : '–'
    })
    const slopes = (['seconds', 'bytes'] as const).map((key) => slope(points, key))
    const last = slopes.join(' / ')
    console.log(
      [NAMES[architecture], ...cells, last]
        .map((cell, i) => cell.padEnd(i === 0 ? 11 : 14))
        .join('')
        .trimEnd(),
    )
  }
}

/** Exponent p of length^p by least squares over the fitted lengths. */
function slope(points: readonly Point[], key: 'seconds' | 'bytes'): string {
  const some = points.filter(({ length }) => length >= FITTED.from && length <= FITTED.to)
  if (some.length < 3) return '–'
  const x = some.map(({ length }) => Math.log(length))
  const y = some.map((point) => Math.log(point[key]))
  const [mx, my] = [mean(x), mean(y)]
  const covariance = mean(x.map((each, i) => (each - mx) * (y[i] - my)))
  const fitted = (covariance / mean(x.map((each) => (each - mx) ** 2))).toFixed(2)
  return some.at(-1)!.length === FITTED.to ? fitted : `${fitted} (to ${short(some.at(-1)!.length)})`
}

async function draw(
  folder: string,
  title: string,
  measured: ReadonlyMap<Name, readonly Point[]>,
): Promise<void> {
  await makeFolder(folder)
  for (const [kind, unit, value] of [
    ['time', 'ms', (point: Point) => point.seconds * 1000],
    ['memory', 'MiB of activations', (point: Point) => point.bytes / MiB],
  ] as const) {
    const series = [...measured].map(([architecture, points]): Series => ({
      name: NAMES[architecture],
      points: points.map((point) => [point.length, value(point)]),
    }))
    const path = `${folder}/scaling-${asked.device}-${title.split(' ')[0]}-${kind}.svg`
    await writeAtomically(
      path,
      logLogChart(series, { title: `${title}: ${kind} against length`, x: 'length', y: unit }),
    )
    console.log(`wrote ${path}`)
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length
}

function short(length: number): string {
  return `${length / 1024}K`
}
