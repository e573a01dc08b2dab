/** Measures the errors that kernels/math.as.ts and erf.as.ts state. */
import { main as compileAssembly } from 'assemblyscript/asc'
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { compilerArguments } from '../../../scripts/wasm-kernels.mjs'
import { FUNCTIONS, erf } from '../../ops/activation/reference.ts'
import { chooseSimd } from './features.ts'

type Scalar = (x: number) => number

/** Float32 numbers from low to high, evenly spaced; with `log`, evenly in magnitude, of either sign. */
function grid(low: number, high: number): number[] {
  const count = 20_001
  return Array.from({ length: count }, (_, i) => Math.fround(low + ((high - low) * i) / (count - 1)))
}

function magnitudes(low: number, high: number, signs = [1, -1]): number[] {
  const count = 10_001
  return signs.flatMap((sign) =>
    Array.from({ length: count }, (_, i) => Math.fround(sign * low * (high / low) ** (i / (count - 1)))),
  )
}

const { exp, sigmoid, silu, gelu, geluTanh } = FUNCTIONS
const stableSoftplus = (x: number): number =>
  x > 20 ? x : Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
/** x Φ(x) with its lower tail, by the continued fraction of erfc. */
function exactGelu(x: number): number {
  const z = Math.abs(x) / Math.SQRT2
  if (x > -3) return gelu.f(x)
  let fraction = 0
  for (let n = 80; n > 0; n--) fraction = n / 2 / (z + fraction)
  return (x * 0.5 * Math.exp(-z * z)) / (Math.sqrt(Math.PI) * (z + fraction))
}

/** `limit` is of the relative error, or of the absolute one. */
interface Row {
  readonly name: string
  readonly wanted: Scalar
  readonly at: readonly number[]
  readonly limit: number
  readonly absolute?: boolean
}

const rows: Row[] = [
  { name: 'exp1', wanted: exp.f, at: grid(-87, 88.3), limit: 1.0e-7 },
  { name: 'log1', wanted: Math.log, at: [...magnitudes(1e-44, 3e38, [1]), ...grid(0.5, 2)], limit: 1.0e-7 },
  { name: 'log1p1', wanted: Math.log1p, at: [...magnitudes(1e-30, 0.99), ...grid(1, 1e6)], limit: 2.0e-7 },
  { name: 'softplus1', wanted: stableSoftplus, at: grid(-87, 30), limit: 2.0e-7 },
  { name: 'sigmoid1', wanted: sigmoid.f, at: grid(-87, 30), limit: 2.0e-7 },
  { name: 'silu1', wanted: silu.f, at: grid(-87, 30), limit: 2.0e-7 },
  { name: 'siluGrad1', wanted: silu.df, at: grid(-87, 30), limit: 2.0e-7, absolute: true },
  { name: 'tanh1', wanted: Math.tanh, at: [...magnitudes(1e-30, 1), ...grid(-12, 12)], limit: 2.0e-7 },
  { name: 'erf1', wanted: erf, at: [...magnitudes(1e-30, 1), ...grid(-6, 6)], limit: 2.0e-7 },
  { name: 'gelu1', wanted: exactGelu, at: [...magnitudes(1e-30, 1), ...grid(-13, 30)], limit: 5.0e-7 },
  { name: 'geluGrad1', wanted: gelu.df, at: grid(-13, 30), limit: 2.0e-7, absolute: true },
  { name: 'geluTanh1', wanted: geluTanh.f, at: grid(-3, 30), limit: 1.0e-6 },
  { name: 'geluTanhGrad1', wanted: geluTanh.df, at: grid(-9, 30), limit: 2.0e-7, absolute: true },
]

describe.each(['base', 'relaxed'] as const)('%s', (simd) => {
  let math: Record<string, Scalar>

  beforeAll(async () => {
    chooseSimd(simd)
    const features = simd === 'base' ? 'simd,threads' : 'simd,threads,relaxed-simd'
    let bytes = new Uint8Array()
    const { error } = await compileAssembly(
      ['erf.as.ts', 'math.as.ts', ...compilerArguments(features, 'math.wasm')],
      {
        readFile: (name) =>
          /^(erf|math)\.as\.ts$/.test(name)
            ? readFileSync(new URL(`kernels/${name}`, import.meta.url), 'utf8')
            : null,
        writeFile: (_, content) => void (bytes = Uint8Array.from(content as Uint8Array)),
        listFiles: () => [],
      },
    )
    if (error) throw error
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
    math = (await WebAssembly.instantiate(bytes, { env: { memory } })).instance.exports as typeof math
  })

  test.each(rows)('$name is within $limit', ({ name, wanted, at, limit, absolute }) => {
    let worst = { x: 0, error: 0 }
    for (const x of at) {
      const want = wanted(x)
      const error = Math.abs(math[name](x) - want) / (absolute ? 1 : Math.abs(want) || 1)
      if (!(error <= worst.error)) worst = { x, error }
    }
    expect(worst.error, `at ${worst.x}`).toBeLessThanOrEqual(limit)
  })

  test('the ends of the number line', () => {
    const { exp1, log1, log1p1, softplus1, sigmoid1, tanh1, erf1, gelu1 } = math as Required<typeof math>
    expect([-100, -Infinity, 89, Infinity, 0].map(exp1)).toEqual([0, 0, Infinity, Infinity, 1])
    expect([0, Infinity, -1, 1].map(log1)).toEqual([-Infinity, Infinity, NaN, 0])
    expect([-1, Infinity, -2, 0].map(log1p1)).toEqual([-Infinity, Infinity, NaN, 0])
    expect([-200, 200, Infinity].map(softplus1)).toEqual([0, 200, Infinity])
    expect([-200, 200].map(sigmoid1)).toEqual([0, 1])
    expect([-Infinity, -50, 50, Infinity].map(tanh1)).toEqual([-1, -1, 1, 1])
    expect([-Infinity, -50, 50, Infinity].map(erf1)).toEqual([-1, -1, 1, 1])
    expect([-50, 50].map(gelu1)).toEqual([-0, 50])
    for (const { name } of rows) expect(math[name](NaN), name).toBeNaN()
  })
})
