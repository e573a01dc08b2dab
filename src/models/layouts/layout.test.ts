import { describe, expect, test } from 'vitest'
import type { StoredTensor } from '../../checkpoints/stored.ts'
import { CheckpointError } from '../../errors.ts'
import { zeros } from '../../nn/initializers.ts'
import { Module } from '../../nn/module.ts'
import { parameter } from '../../nn/parameter.ts'
import { sizeOf } from '../../tensor/shape.ts'
import { layeredLayout, readLayout, type Layout } from './layout.ts'

class Pair extends Module {
  readonly weight = parameter([6, 2], { init: zeros })
}

const inTwo: Layout = () => [
  { name: 'a', rows: 4 },
  { name: 'b', rows: 2 },
]

/** A tensor of `first`, `first` + 1, …; like a file's, it gives the same memory for each read. */
function counting(shape: readonly number[], first: number): StoredTensor {
  const memory = new Float32Array(sizeOf(shape))
  return {
    dtype: 'F32',
    shape,
    read(begin = 0, end = sizeOf(shape)) {
      const part = memory.subarray(0, end - begin)
      part.forEach((_, i) => (part[i] = first + begin + i))
      return Promise.resolve(part)
    },
  }
}

const read = (files: Record<string, StoredTensor>): Map<string, StoredTensor> =>
  readLayout(new Pair(), inTwo, new Map(Object.entries(files)), 'a file')

describe('a parameter that a file holds as two tensors', () => {
  test('is read in ranges that begin and end in either', async () => {
    const files = read({ b: counting([2, 2], 8), a: counting([4, 2], 0), other: counting([1], 0) })
    expect([...files.keys()]).toEqual(['weight', 'other'])
    const weight = files.get('weight')!
    expect(weight.shape).toEqual([6, 2])
    expect([...(await weight.read())]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect([...(await weight.read(3, 5))]).toEqual([3, 4])
    expect([...(await weight.read(7, 10))]).toEqual([7, 8, 9])
    expect([...(await weight.read(9, 12))]).toEqual([9, 10, 11])
  })

  test.each<[what: string, files: Record<string, StoredTensor>, message: string]>([
    ['one is missing', { a: counting([4, 2], 0) }, '[a file] missing tensor; expected b [2, 2]'],
    [
      'the rows are other ones, as many together',
      { a: counting([2, 2], 0), b: counting([4, 2], 0) },
      '[a file: a] wrong shape; expected [4, 2], found [2, 2]',
    ],
  ])('is refused by the name of a tensor if %s', (_, files, message) => {
    const reading = (): unknown => read(files)
    expect(reading).toThrow(message)
    expect(reading).toThrow(CheckpointError)
  })
})

test('names below layers depend on the layer', () => {
  const layout = layeredLayout([{ kind: 'mamba' }, { kind: 'attention' }], {
    prefix: 'blk',
    ends: { 'backbone.norm_f.weight': 'norm' },
    place: (path, _, { kind }) => (path === 'unknown' ? undefined : { name: `${kind}.${path}` }),
  })
  const { weight } = new Pair()
  expect(layout('backbone.layers.1.mixer.D', weight)).toEqual({ name: 'blk.1.attention.mixer.D' })
  expect(layout('backbone.norm_f.weight', weight)).toEqual({ name: 'norm' })
  expect(layout('backbone.layers.0.unknown', weight)).toBeUndefined()
  expect(layout('head.weight', weight)).toBeUndefined()
})
