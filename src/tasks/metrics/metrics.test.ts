import { expect, test } from 'vitest'
import { NumericsError } from '../../errors.ts'
import type { Sizes } from '../task.ts'
import { ClassMeter, macroF1 } from './class-meter.ts'
import { NumberMeter } from './number-meter.ts'

const sizes = (outputs: number): Sizes => ({
  batch: 1,
  length: 1,
  carried: false,
  masked: false,
  input: { vocabulary: 2 },
  outputs,
})

test('accuracy, macro F1 and the majority class, batch after batch', () => {
  const meter = new ClassMeter({ classes: 3, counts: [1, 5, 2], names: ['a', 'b', 'c'] })
  // Of equals the first is taken; a label of -100 does not count.
  meter.add(Float32Array.of(3, 1, 2, 0, 5, 5, 1, 2, 9), { labels: Int32Array.of(0, 1, 1) }, sizes(3))
  meter.add(Float32Array.of(1, 0, 0, 0, 0, 9), { labels: Int32Array.of(2, -100) }, sizes(3))
  const { metrics, confusion, classes } = meter.summary()
  expect(confusion).toEqual([
    [1, 0, 0],
    [0, 1, 1],
    [1, 0, 0],
  ])
  expect(classes).toEqual(['a', 'b', 'c'])
  // F1: a 2/(2+1), b 2/(2+1), c 0.
  expect(metrics['accuracy']).toBe(0.5)
  expect(metrics['macroF1']).toBeCloseTo(4 / 9, 12)
  expect(metrics['majority']).toBe(0.5)
  expect(() => meter.add(Float32Array.of(1, Number.NaN, 0), { labels: Int32Array.of(0) }, sizes(3))).toThrow(
    NumericsError,
  )
})

test('a class that neither occurs nor is said has no F1', () => {
  expect(
    macroF1([
      [2, 0, 0],
      [1, 1, 0],
      [0, 0, 0],
    ]),
  ).toBeCloseTo((4 / 5 + 2 / 3) / 2, 12)
})

test('errors in the units of the data, weighed', () => {
  const meter = new NumberMeter([
    { mean: 10, deviation: 2 },
    { mean: 0, deviation: 1 },
  ])
  const batch = { values: Float32Array.of(1, 2, 3, 0), weights: Float32Array.of(1, 0.5, 0, 1) }
  meter.add(Float32Array.of(0, 4, 9, 3), batch, sizes(2))
  const { metrics } = meter.summary()
  expect(metrics['meanSquaredError']).toBeCloseTo((4 + 0.5 * 4 + 9) / 2.5, 6)
  expect(metrics['meanAbsoluteError']).toBeCloseTo((2 + 0.5 * 2 + 3) / 2.5, 6)
  expect(metrics['baseline']).toBeCloseTo((4 + 0.5 * 4 + 0) / 2.5, 6)
})
