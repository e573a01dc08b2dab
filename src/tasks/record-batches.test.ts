import { describe, expect, test } from 'vitest'
import type { Batch } from '../data/batch.ts'
import type { SequenceRecord } from '../data/records.ts'
import { SidewinderError, StateError } from '../errors.ts'
import { classify } from './classify.ts'
import { label } from './label.ts'
import { recordBatches, recordPass } from './record-batches.ts'
import { regress } from './regress.ts'

const input = { vocabulary: 100 }
const records: SequenceRecord[] = [2, 5, 3].map((length, i) => ({
  id: `r${i}`,
  tokens: Array.from({ length }, (_, at) => 10 * i + at),
  label: i % 2,
  labels: Array.from({ length }, (_, at) => (at === 1 ? -100 : i)),
}))
const whole = classify({ classes: 2 })
const positions = label({ classes: 3 })

/** Rows of an array of a batch. */
const rowsOf = (batch: Batch, name: string, width: number): number[][] => {
  const values = Array.from(batch[name]!)
  return Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width))
}

/** The records that the first twelve rows hold. */
function orderOf(seed: number): number[] {
  const batches = recordBatches(records, whole, { input, batch: 1, seed })
  return Array.from({ length: 12 }, () => Math.floor(batches.next()['tokens']![0] / 10))
}

describe('batches to train on', () => {
  test('each record once before any comes again, in an order that the seed says', () => {
    const order = orderOf(4)
    for (let i = 0; i < 12; i += 3) expect(new Set(order.slice(i, i + 3)).size).toBe(3)
    expect(orderOf(4)).toEqual(order)
    expect(new Set([1, 2, 3, 4, 5, 6].map((seed) => orderOf(seed).join())).size).toBeGreaterThan(3)
  })

  test('go on from a saved position, through JSON', () => {
    for (const task of [whole, positions]) {
      const make = (seed: number) =>
        recordBatches(records, task, { input, batch: 2, length: task === whole ? 5 : 2, seed })
      for (let done = 0; done < 9; done++) {
        const a = make(5)
        for (let i = 0; i < done; i++) a.next()
        const saved = JSON.stringify(a.save())
        const want = Array.from({ length: 7 }, () => a.next())
        const b = make(99)
        b.restore(JSON.parse(saved))
        expect(Array.from({ length: 7 }, () => b.next())).toEqual(want)
      }
    }
    const batches = recordBatches(records, whole, { input, batch: 2 })
    expect(() => batches.restore({ random: [1, 2, 3, 4], cursors: [4] })).toThrow(StateError)
  })

  test('rows are padded on the right, with a mask where there is a mean over a sequence', () => {
    const batches = recordBatches(records, whole, { input, batch: 3 })
    expect([batches.batch, batches.length, batches.padded]).toEqual([3, 5, true])
    const made = batches.next()
    for (const [row, mask] of rowsOf(made, 'mask', 5).entries()) {
      const size = mask.indexOf(0) < 0 ? 5 : mask.indexOf(0)
      const i = Math.floor(rowsOf(made, 'tokens', 5)[row][0] / 10)
      expect(size).toBe(records[i].tokens!.length)
      expect(rowsOf(made, 'tokens', 5)[row].slice(size)).toEqual(mask.slice(size))
      expect(made['labels']![row]).toBe(records[i].label)
    }
    expect(recordBatches(records, positions, { input, batch: 3 }).padded).toBe(false)
    expect(recordBatches(records.slice(0, 1), whole, { input, batch: 1 }).padded).toBe(false)
  })

  test('records longer than a row are cut into parts where each position has a result', () => {
    const batches = recordBatches(records, positions, { input, batch: 6, length: 2 })
    const made = batches.next()
    const found = rowsOf(made, 'tokens', 2).map(
      (row, i) => `${row.join()}:${rowsOf(made, 'labels', 2)[i].join()}`,
    )
    expect(found.toSorted()).toEqual(
      ['0,1:0,-100', '10,11:1,-100', '12,13:1,1', '14,0:1,-100', '20,21:2,-100', '22,0:2,-100'].toSorted(),
    )
    expect(() => recordBatches(records, whole, { input, batch: 1, length: 4 })).toThrow(
      /record r1\] the sequence is longer than a row; expected up to 4 positions, found 5/,
    )
  })

  const wrong: [string, readonly SequenceRecord[], RegExp][] = [
    ['no records', [], /there are no records/],
    ['an empty sequence', [{ id: 'e', tokens: [], label: 0 }], /record e\] the sequence is empty/],
    ['a label out of range', [{ id: 'l', tokens: [1], label: 2 }], /record l\] label outside the classes/],
    [
      'half a token',
      [{ id: 'h', tokens: [1, Number.NaN], label: 0 }],
      /record h, position 1\] not a finite number/,
    ],
    [
      'features for a model of tokens',
      [{ id: 'f', features: [1], label: 0 }],
      /takes tokens, and the record has none/,
    ],
  ]
  test.each(wrong)('%s: refused by name', (_, bad, message) => {
    const run = (): unknown => recordBatches(bad, whole, { input, batch: 1 }).next()
    expect(run).toThrow(message)
    expect(run).toThrow(SidewinderError)
  })
})

describe('a pass', () => {
  test('takes all records in order; rows without one do not count', () => {
    const pass = recordPass(records, whole, { input, batch: 2 })
    const batches = [...pass]
    expect(batches.map(({ first }) => first)).toEqual([0, 2])
    expect(batches.map(({ batch }) => Array.from(batch['labels']!))).toEqual([
      [0, 1],
      [0, -100],
    ])
    // There is no mean over nothing: the empty row has one position.
    expect(rowsOf(batches[1].batch, 'mask', 5)).toEqual([
      [1, 1, 1, 0, 0],
      [1, 0, 0, 0, 0],
    ])
    expect([...pass]).toEqual(batches)
  })

  test('carries records that are longer than a row', () => {
    const pass = recordPass(records, positions, { input, batch: 2, length: 2 })
    expect([pass.carried, pass.capacity]).toEqual([true, 6])
    expect([...pass].map(({ past, first }) => [past, first])).toEqual([
      [0, 0],
      [2, 0],
      [4, 0],
      [0, 2],
      [2, 2],
    ])
    const labels = [...pass].map(({ batch }) => rowsOf(batch, 'labels', 2))
    expect(labels[1]).toEqual([
      [-100, -100],
      [1, 1],
    ])
    expect(recordPass(records, positions, { input, batch: 2 }).carried).toBe(false)
  })
})

test('numbers that are not known weigh nothing', () => {
  const task = regress({ outputs: 2 })
  const rows = [
    { features: [1, 2, 3, 4], values: [5, Number.NaN], weights: [0.5, 1] },
    { features: [1, 2], values: [6, 7] },
  ]
  const pass = recordPass(rows, task, { input: { features: 2 }, batch: 3 })
  const [{ batch }] = [...pass]
  expect(rowsOf(batch, 'values', 2)).toEqual([
    [5, 0],
    [6, 7],
    [0, 0],
  ])
  expect(rowsOf(batch, 'weights', 2)).toEqual([
    [0.5, 0],
    [1, 1],
    [0, 0],
  ])
  expect(rowsOf(batch, 'features', 2)).toEqual([
    [1, 2],
    [3, 4],
    [1, 2],
    [0, 0],
    [0, 0],
    [0, 0],
  ])
  expect(() => [
    ...recordPass([{ features: [1, 2, 3], values: [1, 2] }], task, { input: { features: 2 }, batch: 1 }),
  ]).toThrow(/features do not fill the positions; expected a multiple of 2 numbers, found 3/)
  expect(() => [
    ...recordPass([{ features: [1, 2], values: [1] }], task, { input: { features: 2 }, batch: 1 }),
  ]).toThrow(/too few values/)
})
