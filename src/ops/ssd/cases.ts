import { cases, integers, normal, uniform, values, type Case, type Draw } from '../cases.ts'
import { ssdOp } from './op.ts'
import type { SsdInputs, SsdParams } from './types.ts'

interface Sizes {
  readonly batch?: number
  readonly length: number
  readonly heads?: number
  readonly headWidth: number
  readonly groups?: number
  readonly state: number
}

type Optional = 'D' | 'channelD' | 'z' | 'dtBias' | 'initialState' | 'reset' | 'views'

function ssdCase(
  { batch = 1, length, heads = 2, headWidth, groups = 1, state }: Sizes,
  optional: readonly Optional[] = [],
  params: Partial<SsdParams> = {},
): Case<SsdInputs, SsdParams> {
  const has = (option: Optional): boolean => optional.includes(option)
  const inner = heads * headWidth
  const view = (width: number): { columnsOf?: number } => (has('views') ? { columnsOf: width + 9 } : {})
  const rows = (width: number): Draw => normal([batch, length, width], view(width))
  return {
    inputs: {
      x: rows(inner),
      dt: params.dtSoftplus === false ? uniform([batch, length, heads], 0.05, 0.9, view(heads)) : rows(heads),
      A: uniform([heads], -2, -0.1),
      B: rows(groups * state),
      C: rows(groups * state),
      D: has('channelD') ? normal([inner]) : has('D') ? normal([heads]) : undefined,
      z: has('z') ? rows(inner) : undefined,
      dtBias: has('dtBias') ? normal([heads], { mean: -1 }) : undefined,
      initialState: has('initialState') ? normal([batch, heads, headWidth, state]) : undefined,
      // One token in five.
      reset: has('reset') ? sparse(integers([batch, length], 0, 5)) : undefined,
    },
    params: { groups, dtSoftplus: true, ...params },
    // Differences by recurrences in float64 take long.
    finiteDifferences: batch * length * inner * state < 20_000,
  }
}

function sparse(draw: Draw): Draw {
  return { ...draw, draw: (random) => Int32Array.from(draw.draw(random), (x) => (x === 1 ? 1 : 0)) }
}

const small = { length: 33, headWidth: 3, state: 5 }

export const ssdCases = cases(ssdOp, {
  'one token': ssdCase({ length: 1, headWidth: 3, state: 5 }, ['D', 'initialState']),
  'seven tokens, no softplus': ssdCase({ length: 7, headWidth: 4, state: 4 }, [], { dtSoftplus: false }),
  'chunks of one': ssdCase(small, ['D', 'initialState'], { chunkSize: 1 }),
  'chunks of 4': ssdCase(small, ['D', 'initialState', 'reset'], { chunkSize: 4 }),
  'chunks of 13': ssdCase(small, ['D', 'dtBias'], { chunkSize: 13 }),
  'one chunk, longer than the input': ssdCase(small, ['D', 'dtBias'], { chunkSize: 256 }),
  'batch, groups': ssdCase(
    { batch: 2, length: 31, heads: 6, headWidth: 3, groups: 3, state: 4 },
    ['D', 'dtBias', 'initialState'],
    { chunkSize: 8 },
  ),
  'gate, D by channel': ssdCase(
    { batch: 2, length: 37, heads: 3, headWidth: 5, state: 4 },
    ['channelD', 'z', 'dtBias'],
    { chunkSize: 16 },
  ),
  gate: ssdCase(small, ['z', 'initialState', 'reset'], { chunkSize: 16 }),
  'clamped dt': ssdCase(small, ['dtBias', 'initialState'], { dtLimit: [0.15, 0.6] }),
  'views, all options': ssdCase(
    { batch: 2, length: 19, heads: 4, headWidth: 3, groups: 2, state: 3 },
    ['D', 'z', 'dtBias', 'initialState', 'reset', 'views'],
    { chunkSize: 8 },
  ),
  'resets in every place': {
    ...ssdCase({ length: 9, headWidth: 2, state: 3 }, ['initialState', 'D'], { chunkSize: 4 }),
    inputs: {
      ...ssdCase({ length: 9, headWidth: 2, state: 3 }, ['initialState', 'D']).inputs,
      reset: values([1, 9], [1, 0, 0, 1, 1, 0, 0, 1, 1], 'i32'),
    },
  },
  'strong and weak decay': {
    ...ssdCase({ length: 67, heads: 3, headWidth: 4, state: 5 }, ['initialState'], { chunkSize: 32 }),
    inputs: {
      ...ssdCase({ length: 67, heads: 3, headWidth: 4, state: 5 }, ['initialState']).inputs,
      dt: normal([1, 67, 3], { deviation: 3 }),
      A: values([3], [-60, -1, -0.001]),
    },
  },
  'several tiles': ssdCase({ batch: 2, length: 131, heads: 4, headWidth: 64, groups: 2, state: 64 }, [
    'D',
    'dtBias',
    'initialState',
    'reset',
  ]),
  'tiles with rests': ssdCase({ length: 131, heads: 2, headWidth: 71, state: 67 }, [
    'D',
    'dtBias',
    'initialState',
  ]),
  'a wide state': ssdCase({ length: 67, heads: 3, headWidth: 32, state: 131 }, ['D', 'z', 'dtBias']),
})
