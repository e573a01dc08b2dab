import { cases, integers, normal, uniform, values, type Case, type Draw } from '../cases.ts'
import { ssdOp } from './op.ts'
import type { SsdInputs, SsdParams } from './types.ts'

interface Sizes {
  readonly batch?: number
  readonly length: number
  readonly heads?: number
  readonly headDim: number
  readonly groups?: number
  readonly stateSize: number
}

type Optional = 'D' | 'channelD' | 'z' | 'deltaBias' | 'initialState' | 'reset' | 'views'

function ssdCase(
  { batch = 1, length, heads = 2, headDim, groups = 1, stateSize }: Sizes,
  optional: readonly Optional[] = [],
  params: Partial<SsdParams> = {},
): Case<SsdInputs, SsdParams> {
  const has = (option: Optional): boolean => optional.includes(option)
  const inner = heads * headDim
  const view = (width: number): { columnsOf?: number } => (has('views') ? { columnsOf: width + 9 } : {})
  const rows = (width: number): Draw => normal([batch, length, width], view(width))
  return {
    inputs: {
      x: rows(inner),
      delta:
        params.deltaSoftplus === false
          ? uniform([batch, length, heads], -0.4, 0.9, view(heads))
          : rows(heads),
      A: uniform([heads], -2, -0.1),
      B: rows(groups * stateSize),
      C: rows(groups * stateSize),
      D: has('channelD') ? normal([inner]) : has('D') ? normal([heads]) : undefined,
      z: has('z') ? rows(inner) : undefined,
      deltaBias: has('deltaBias') ? normal([heads], { mean: -1 }) : undefined,
      initialState: has('initialState') ? normal([batch, heads, headDim, stateSize]) : undefined,
      // One token in five.
      reset: has('reset') ? sparse(integers([batch, length], 0, 5)) : undefined,
    },
    params: { groups, deltaSoftplus: true, ...params },
    // Differences by recurrences in float64 take long.
    finiteDifferences: batch * length * inner * stateSize < 20_000,
  }
}

function sparse(draw: Draw): Draw {
  return { ...draw, draw: (random) => Int32Array.from(draw.draw(random), (x) => (x === 1 ? 1 : 0)) }
}

const small = { length: 33, headDim: 3, stateSize: 5 }

export const ssdCases = cases(ssdOp, {
  'one token': ssdCase({ length: 1, headDim: 3, stateSize: 5 }, ['D', 'initialState']),
  'seven tokens, no softplus': ssdCase({ length: 7, headDim: 4, stateSize: 4 }, [], { deltaSoftplus: false }),
  'chunks of one': ssdCase(small, ['D', 'initialState'], { chunkSize: 1 }),
  'chunks of 4': ssdCase(small, ['D', 'initialState', 'reset'], { chunkSize: 4 }),
  'chunks of 13': ssdCase(small, ['D', 'deltaBias'], { chunkSize: 13 }),
  'one chunk, longer than the input': ssdCase(small, ['D', 'deltaBias'], { chunkSize: 256 }),
  'batch, groups': ssdCase(
    { batch: 2, length: 31, heads: 6, headDim: 3, groups: 3, stateSize: 4 },
    ['D', 'deltaBias', 'initialState'],
    { chunkSize: 8 },
  ),
  'gate, D by channel': ssdCase(
    { batch: 2, length: 37, heads: 3, headDim: 5, stateSize: 4 },
    ['channelD', 'z', 'deltaBias'],
    { chunkSize: 16 },
  ),
  gate: ssdCase(small, ['z', 'initialState', 'reset'], { chunkSize: 16 }),
  'clamped delta': ssdCase(small, ['deltaBias', 'initialState'], { deltaLimit: [0.15, 0.6] }),
  'views, all options': ssdCase(
    { batch: 2, length: 19, heads: 4, headDim: 3, groups: 2, stateSize: 3 },
    ['D', 'z', 'deltaBias', 'initialState', 'reset', 'views'],
    { chunkSize: 8 },
  ),
  'resets in every place': {
    ...ssdCase({ length: 9, headDim: 2, stateSize: 3 }, ['initialState', 'D'], { chunkSize: 4 }),
    inputs: {
      ...ssdCase({ length: 9, headDim: 2, stateSize: 3 }, ['initialState', 'D']).inputs,
      reset: values([1, 9], [1, 0, 0, 1, 1, 0, 0, 1, 1], 'i32'),
    },
  },
  'strong and weak decay': {
    ...ssdCase({ length: 67, heads: 3, headDim: 4, stateSize: 5 }, ['initialState'], { chunkSize: 32 }),
    inputs: {
      ...ssdCase({ length: 67, heads: 3, headDim: 4, stateSize: 5 }, ['initialState']).inputs,
      delta: normal([1, 67, 3], { deviation: 3 }),
      A: values([3], [-60, -1, -0.001]),
    },
  },
  'several tiles': ssdCase({ batch: 2, length: 131, heads: 4, headDim: 64, groups: 2, stateSize: 64 }, [
    'D',
    'deltaBias',
    'initialState',
    'reset',
  ]),
  'tiles with rests': ssdCase({ length: 131, heads: 2, headDim: 71, stateSize: 67 }, [
    'D',
    'deltaBias',
    'initialState',
  ]),
  'a wide state': ssdCase({ length: 67, heads: 3, headDim: 32, stateSize: 131 }, ['D', 'z', 'deltaBias']),
})
