import { expect, test } from 'vitest'
import type { Batches } from '../../src/data/batch.ts'
import { ConfigError, ShapeError } from '../../src/errors.ts'
import { classify } from '../../src/tasks/classify.ts'
import { evaluate } from '../../src/tasks/evaluate.ts'
import { label } from '../../src/tasks/label.ts'
import { lossAndGradients } from '../../src/tasks/loss.ts'
import { recordPass } from '../../src/tasks/record-batches.ts'
import type { Task } from '../../src/tasks/task.ts'
import { constantRate } from '../../src/train/schedule.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { testDevices } from '../devices.ts'
import { TASK_CASES, taskModel, type TaskCase } from '../suites/tasks.ts'

testDevices(
  'what cannot be is refused before it reaches the device',
  (device) => {
    const length = 4
    const source = (batch: object): Batches => ({
      batch: 1,
      length,
      carried: false,
      masked: false,
      next: () => ({ tokens: new Int32Array(length), ...batch }),
      save: () => ({}),
      restore() {},
    })
    const fit = async (task: Task, options: TaskCase['options'], batch: object): Promise<void> => {
      const model = taskModel(device(), { name: '', task, options, records: [] })
      const trainer = new Trainer(model, { task, schedule: constantRate(0.01), steps: 1 })
      try {
        for await (const _ of trainer.fit(source(batch))) void _
      } finally {
        trainer.dispose()
        model.dispose()
      }
    }
    const [{ task: text, options: textOptions }, { task: classes, options: classOptions }] = TASK_CASES
    const { task: numbers, options: numberOptions } = TASK_CASES[3]
    const summed = {
      features: new Float32Array(8),
      values: new Float32Array(2),
      weights: new Float32Array(2),
    }
    const wrong: [string, () => Promise<void>, RegExp][] = [
      [
        'a label too large',
        () => fit(text, textOptions, { labels: Int32Array.of(0, 1, 5, 2) }),
        /labels\[0\]\[2\].*0 to 4, or -100.*found 5/,
      ],
      [
        'a label below 0',
        () => fit(text, textOptions, { labels: Int32Array.of(0, -1, 1, 2) }),
        /labels\[0\]\[1\].*found -1/,
      ],
      [
        'a token too large',
        () => fit(text, textOptions, { labels: new Int32Array(4), tokens: Int32Array.of(0, 1, 2, 9) }),
        /tokens\[0\]\[3\]\] token id outside the vocabulary; expected 0 to 4, found 9/,
      ],
      [
        'a class that there is not',
        () => fit(classes, classOptions, { labels: Int32Array.of(2) }),
        /labels\[0\].*0 to 1.*found 2/,
      ],
      ['an array that is missing', () => fit(text, textOptions, {}), /\[labels\] the batch lacks an array/],
      [
        'an array of another size',
        () => fit(text, textOptions, { labels: Int32Array.of(1) }),
        /\[labels\] an array of the batch does not fit/,
      ],
      [
        'an array of another type',
        () => fit(classes, classOptions, { labels: Float32Array.of(1) }),
        /\[labels\].*a Float32Array/,
      ],
      [
        'half a token',
        () => fit(text, textOptions, { labels: new Int32Array(4), tokens: Float32Array.of(0, 2.5, 1, 2) }),
        /\[tokens\].*4 numbers in an Int32Array, found 4 in a Float32Array/,
      ],
      [
        'a feature that is no number',
        () =>
          fit(numbers, numberOptions, { ...summed, features: new Float32Array(8).fill(Number.NaN, 3, 4) }),
        /features\[0\]\[1\]\] not a finite number; found NaN/,
      ],
      [
        'a value that is no number',
        () => fit(numbers, numberOptions, { ...summed, values: Float32Array.of(1, Number.NaN) }),
        /values\[1\]\] not a finite number; found NaN/,
      ],
      [
        'an endless weight',
        () => fit(numbers, numberOptions, { ...summed, weights: Float32Array.of(1, Infinity) }),
        /weights\[1\]\] a weight is 0 or more, and finite; found Infinity/,
      ],
    ]
    test.each(wrong)('%s', async (_, run, message) => {
      await expect(run()).rejects.toThrow(message)
    })

    test('ids and labels of lossAndGradients, whole numbers or not', async () => {
      const model = taskModel(device(), TASK_CASES[0])
      for (const [tokens, labels] of [
        [
          [1, 2, 3],
          [1, 5000, 3],
        ],
        [
          [1, 2, 9],
          [1, 2, 3],
        ],
        [
          [1, 2.5, 3],
          [1, 2, 3],
        ],
        [
          [1, 2, 3],
          [1, Number.NaN, 3],
        ],
      ]) {
        await expect(lossAndGradients(model, { tokens: [tokens], labels: [labels] })).rejects.toThrow(
          ShapeError,
        )
      }
      model.dispose()
    })

    test('another head than the task needs', async () => {
      const model = taskModel(device(), TASK_CASES[1])
      const wanted =
        /expected a classifier of 2 classes for each position, found a classifier of 2 classes for each sequence/
      expect(
        () => new Trainer(model, { task: label({ classes: 2 }), schedule: constantRate(1), steps: 1 }),
      ).toThrow(wanted)
      const records = [{ tokens: [1], label: 0 }]
      const task = classify({ classes: 3 })
      const pass = recordPass(records, task, { input: model.config.input, batch: 1 })
      await expect(evaluate(model, task, pass)).rejects.toThrow(ConfigError)
      model.dispose()
    })
  },
  ['wasm', 'reference'],
)
