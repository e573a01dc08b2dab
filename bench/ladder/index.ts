// From the first idea to what is shipped, on WASM: matmul, matvec, scan, SSD.
// npm run bench -- ladder [--seconds 4]
// Every step computes the same numbers, which is checked; the shipped operations run on 1 and on 2 threads.
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import type { AnyDevice } from '../../src/devices/device.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { linear, matmul } from '../../src/ops/matmul/op.ts'
import { selectiveScan } from '../../src/ops/scan/op.ts'
import { ssd } from '../../src/ops/ssd/op.ts'
import { Random } from '../../src/tensor/random.ts'
import { scope } from '../../src/tensor/scope.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { relativeError } from '../../test/suites/compare.ts'
import { compileText } from '../tools/assembly.ts'

const { values: asked } = parseArgs({ options: { seconds: { type: 'string', default: '4' } } })

/** Arrays by name, in order: what kernels take. The last one is the result. */
type Arrays = Readonly<Record<string, Float32Array>>

interface Ladder {
  readonly title: string
  readonly unit: 'GFLOP/s' | 'GB/s' | 'G states/s'
  /** Of one run, in units of 1. */
  readonly count: number
  readonly arrays: Arrays
  readonly sizes: readonly number[]
  readonly file: string
  /** Exports, from the first idea on. */
  readonly steps: readonly string[]
  readonly shipped: (device: AnyDevice, x: Readonly<Record<string, Tensor>>) => Tensor
}

const random = new Random(1)
const normals = (size: number, factor = 1): Float32Array =>
  Float32Array.from({ length: size }, () => factor * random.normal())
/** Steps between 0.001 and 0.1, and decay rates: as in models. */
const between = (size: number, low: number, high: number): Float32Array =>
  Float32Array.from({ length: size }, () => low + (high - low) * random.uniform())

function ladders(): Ladder[] {
  const [M, N, K] = [512, 3072, 768]
  const V = 50_280
  const [L, E, S, H, P, S2] = [512, 1536, 16, 24, 64, 128]
  return [
    {
      title: `matmul ${M} × ${K} × ${N}`,
      unit: 'GFLOP/s',
      count: 2 * M * N * K,
      arrays: { a: normals(M * K), b: normals(K * N), y: new Float32Array(M * N) },
      sizes: [M, N, K],
      file: 'bench/ladder/matmul.as.ts',
      steps: ['matmulScalar', 'matmulRows', 'matmulTile'],
      shipped: (_, { a, b }) => matmul({ a: a.view([M, K]), b: b.view([K, N]) }, {}),
    },
    {
      title: `matvec ${K} to ${V}`,
      unit: 'GB/s',
      count: 4 * V * K,
      arrays: { W: normals(V * K), x: normals(K), y: new Float32Array(V) },
      sizes: [V, K],
      file: 'bench/ladder/matmul.as.ts',
      steps: ['matvecScalar', 'matvecVector'],
      shipped: (_, { W, x }) => linear(x.view([1, K]), W.view([V, K])),
    },
    {
      title: `selective scan, ${L} tokens, ${E} channels, N ${S}`,
      unit: 'G states/s',
      count: L * E * S,
      arrays: {
        u: normals(L * E),
        dt: between(L * E, 0.001, 0.1),
        A: between(E * S, -S, -1),
        B: normals(L * S),
        C: normals(L * S),
        D: normals(E),
        h: new Float32Array(E * S),
        y: new Float32Array(L * E),
      },
      sizes: [L, E, S],
      file: 'bench/ladder/scans.as.ts',
      steps: ['scanScalar', 'scanVector'],
      shipped: (_, { u, dt, A, B, C, D }) =>
        selectiveScan(
          {
            u: u.view([1, L, E]),
            delta: dt.view([1, L, E]),
            A: A.view([E, S]),
            B: B.view([1, L, S]),
            C: C.view([1, L, S]),
            D,
          },
          {},
        ).y,
    },
    {
      title: `SSD, ${L} tokens, ${H} heads of ${P}, N ${S2}`,
      unit: 'G states/s',
      count: L * H * P * S2,
      arrays: {
        x: normals(L * H * P),
        dt: between(L * H, 0.001, 0.1),
        A: between(H, -16, -1),
        B: normals(L * S2, 0.3),
        C: normals(L * S2, 0.3),
        D: normals(H),
        h: new Float32Array(H * P * S2),
        y: new Float32Array(L * H * P),
      },
      sizes: [L, H, P, S2],
      file: 'bench/ladder/scans.as.ts',
      steps: ['ssdScalar', 'ssdVector'],
      shipped: (_, { x, dt, A, B, C, D }) =>
        ssd(
          {
            x: x.view([1, L, H * P]),
            delta: dt.view([1, L, H]),
            A,
            B: B.view([1, L, S2]),
            C: C.view([1, L, S2]),
            D,
          },
          { groups: 1, deltaSoftplus: false },
        ).y,
    },
  ]
}

interface Rung {
  readonly name: string
  /** The result, after one run. */
  readonly result: () => Promise<ArrayLike<number>>
  readonly run: () => void | Promise<void>
  readonly times: number[]
}

/** The steps in a memory of their own: arrays one after the other. */
async function written({ file, arrays, sizes, steps }: Ladder): Promise<Rung[]> {
  const bytes = await compileText(file, 'simd,relaxed-simd')
  const words = Object.values(arrays).reduce((sum, { length }) => sum + length, 0)
  const memory = new WebAssembly.Memory({ initial: 2 + Math.ceil((4 * words) / 65_536) })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    env: { memory, abort: () => {} },
  })
  const places: number[] = []
  let at = 65_536
  for (const array of Object.values(arrays)) {
    places.push(at)
    at += 4 * array.length
  }
  const restore = (): void => {
    for (const [i, array] of Object.values(arrays).entries())
      new Float32Array(memory.buffer).set(array, places[i] / 4)
  }
  return steps.map((name) => {
    const run = (): void => (exports[name] as (...args: number[]) => void)(...places, ...sizes)
    const result = async (): Promise<ArrayLike<number>> => {
      restore()
      run()
      const y = Object.values(arrays).at(-1)!
      return new Float32Array(memory.buffer, places.at(-1), y.length).slice()
    }
    return { name, run, result, times: [] }
  })
}

function shippedOn(device: AnyDevice, threads: number, { arrays, shipped }: Ladder): Rung {
  const inputs = Object.fromEntries(
    Object.entries(arrays).map(([name, values]) => [name, tensor(device, values)]),
  )
  const result = async (): Promise<ArrayLike<number>> => {
    const y = shipped(device, inputs)
    const values = await y.read()
    y.dispose()
    return values
  }
  const run = (): Promise<void> => {
    scope(() => void shipped(device, inputs))
    return device.synchronize()
  }
  return { name: `shipped, ${threads} thread${threads === 1 ? '' : 's'}`, run, result, times: [] }
}

async function climb(ladder: Ladder, devices: ReadonlyMap<number, AnyDevice>): Promise<void> {
  const rungs = [
    ...(await written(ladder)),
    ...Array.from(devices, ([n, device]) => shippedOn(device, n, ladder)),
  ]
  const want = await rungs.at(-1)!.result()
  for (const rung of rungs) {
    const error = relativeError(await rung.result(), want)
    if (!(error < 1e-4)) throw new Error(`${rung.name}: the result is ${error} off`)
  }
  const end = performance.now() + 1000 * Number(asked.seconds)
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    for (const { run, times } of rungs) {
      const start = performance.now()
      await run()
      times.push(performance.now() - start)
    }
  }
  console.log(`\n${ladder.title}`)
  let before: number | undefined
  for (const { name, times } of rungs) {
    const sorted = times.toSorted((a, b) => a - b)
    const ms = sorted[sorted.length >> 1]
    const rate = `${(ladder.count / ms / 1e6).toFixed(2)} ${ladder.unit}`
    const gain = before === undefined ? '' : `× ${(before / ms).toFixed(2)}`
    const range = `${sorted[0].toFixed(2)} to ${sorted.at(-1)!.toFixed(2)}`
    console.log(
      `  ${name.padEnd(20)} ${ms.toFixed(2).padStart(9)} ms (${range})  ${rate.padStart(16)}  ${gain}`,
    )
    before = ms
  }
}

if (process.versions.v8.startsWith('11.')) setFlagsFromString('--experimental-wasm-relaxed-simd')
const devices = new Map<number, AnyDevice>()
for (const threads of [1, 2]) devices.set(threads, await openDevice('wasm', { threads }))
for (const ladder of ladders()) await climb(ladder, devices)
for (const device of devices.values()) device.destroy()
