import { cases, normal, values } from '../../cases.ts'
import { attentionOp } from './op.ts'

const scale = 0.3
const rows = (count: number, starts: readonly number[]): number[] =>
  Array.from({ length: count }, (_, i) => Number(starts.includes(i)))

/** Heads of few widths: each is a kernel to compile. */
export const attentionCases = cases(attentionOp, {
  'one token': {
    inputs: { q: normal([1, 1, 7]), k: normal([1, 1, 7]), v: normal([1, 1, 7]) },
    params: { heads: 1, kvHeads: 1, scale },
  },
  'odd sizes': {
    inputs: { q: normal([2, 31, 14]), k: normal([2, 31, 14]), v: normal([2, 31, 14]) },
    params: { heads: 2, kvHeads: 2, scale },
  },
  'tiles and a rest': {
    inputs: { q: normal([1, 131, 7]), k: normal([1, 131, 7]), v: normal([1, 131, 7]) },
    params: { heads: 1, kvHeads: 1, scale },
  },
  'shared keys': {
    inputs: { q: normal([2, 33, 28]), k: normal([2, 33, 7]), v: normal([2, 33, 7]) },
    params: { heads: 4, kvHeads: 1, scale },
  },
  'large scores': {
    inputs: { q: normal([1, 19, 7], { deviation: 20 }), k: normal([1, 19, 7]), v: normal([1, 19, 7]) },
    params: { heads: 1, kvHeads: 1, scale },
    finiteDifferences: false,
  },
  'groups of wide heads': {
    inputs: { q: normal([1, 17, 264]), k: normal([1, 17, 132]), v: normal([1, 17, 132]) },
    params: { heads: 4, kvHeads: 2, scale: 0.1 },
  },
  'more keys than queries': {
    inputs: { q: normal([2, 13, 14]), k: normal([2, 41, 14]), v: normal([2, 41, 14]) },
    params: { heads: 2, kvHeads: 2, scale },
  },
  'one query, many keys': {
    inputs: { q: normal([2, 1, 14]), k: normal([2, 577, 7]), v: normal([2, 577, 7]) },
    params: { heads: 2, kvHeads: 1, scale },
  },
  'a cache that is partly filled': {
    inputs: {
      q: normal([3, 3, 14]),
      k: normal([3, 23, 14]),
      v: normal([3, 23, 14]),
      past: values([3], [0, 7, 20], 'i32'),
    },
    params: { heads: 2, kvHeads: 2, scale },
  },
  'a longer prompt on a cache': {
    inputs: {
      q: normal([2, 67, 14]),
      k: normal([2, 90, 7]),
      v: normal([2, 90, 7]),
      past: values([2], [0, 23], 'i32'),
    },
    params: { heads: 2, kvHeads: 1, scale },
  },
  'packed sequences': {
    inputs: {
      q: normal([2, 71, 14]),
      k: normal([2, 71, 14]),
      v: normal([2, 71, 14]),
      reset: values([2, 71], [...rows(71, [0, 3, 40]), ...rows(71, [1, 2, 66, 70])], 'i32'),
    },
    params: { heads: 2, kvHeads: 2, scale },
  },
  'a reset after a cache': {
    inputs: {
      q: normal([2, 9, 7]),
      k: normal([2, 20, 7]),
      v: normal([2, 20, 7]),
      past: values([2], [11, 4], 'i32'),
      reset: values([2, 9], [...rows(9, [4]), ...rows(9, [])], 'i32'),
    },
    params: { heads: 1, kvHeads: 1, scale },
  },
  'views of wider rows': {
    inputs: {
      q: normal([2, 13, 14], { columnsOf: 40 }),
      k: normal([2, 13, 7], { columnsOf: 20 }),
      v: normal([2, 13, 7], { columnsOf: 9 }),
    },
    params: { heads: 2, kvHeads: 1, scale },
  },
})
