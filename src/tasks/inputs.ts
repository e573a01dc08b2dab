/** What a model of sequences reads: token ids or features, with the masks of sources that pack or pad. */
import type { Batch } from '../data/batch.ts'
import type { RecordPart } from '../data/records.ts'
import { nameOf } from '../data/records.ts'
import { ConfigError, ShapeError } from '../errors.ts'
import type { HostArray } from '../devices/device.ts'
import type { InputPart, Sizes, Tensors } from './task.ts'

/** Token ids, or features if the model takes those. Rows that are not full end in padding. */
export const sequenceInputs: InputPart = {
  fields({ batch, length, input, masked, padded }) {
    const rows = [batch, length]
    return {
      ...('vocabulary' in input
        ? { tokens: { dtype: 'i32', shape: rows } }
        : { features: { dtype: 'f32', shape: [...rows, input.features] } }),
      ...(masked && { reset: { dtype: 'i32', shape: rows } }),
      ...(padded && { mask: { dtype: 'f32', shape: rows } }),
    }
  },

  write(batch, row, part, sizes) {
    const { length, input } = sizes
    if (batch['mask']) {
      // A row without a record has one position all the same: there is no mean over none.
      const count = part ? part.to - part.from : 1
      batch['mask'].fill(1, row * length, row * length + count)
    }
    if (!part) return
    const { record, from, to } = part
    const width = 'vocabulary' in input ? 1 : input.features
    const values = sourceOf(part, sizes)
    const into = batch['tokens'] ?? batch['features']!
    for (let i = from * width; i < to * width; i++) {
      const value = values[i]
      if (!Number.isFinite(value)) {
        const where = `${nameOf(record)}, position ${Math.floor(i / width)}`
        throw new ShapeError('not a finite number', { where, found: value })
      }
      into[row * length * width + i - from * width] = value
    }
  },

  check(batch, { length, input }) {
    if (!('vocabulary' in input)) {
      expectFinite(arrayOf(batch, 'features'), (i) =>
        place('features', Math.floor(i / input.features), length),
      )
      return
    }
    const tokens = arrayOf(batch, 'tokens')
    expectRange(tokens, input.vocabulary, 'token id outside the vocabulary', (i) =>
      place('tokens', i, length),
    )
  },
}

/** The tensor that goes into `model.forward`. */
export const inputOf = (tensors: Tensors): Tensors[string] => tensors['tokens'] ?? tensors['features']

/** An array that the task needs. */
export function arrayOf(batch: Batch, name: string): HostArray {
  const found = batch[name]
  if (found) return found
  throw new ConfigError('the batch lacks an array that the task needs', {
    where: name,
    found: Object.keys(batch).join(', ') || 'nothing',
  })
}

/** `labels[row][position]` */
export const place = (name: string, i: number, length: number): string =>
  `${name}[${Math.floor(i / length)}][${i % length}]`

/** Throws for the first value that is not in [0, end), nor `ignored`. */
export function expectRange(
  values: ArrayLike<number>,
  end: number,
  rule: string,
  where: (i: number) => string,
  ignored?: number,
): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if ((value >= 0 && value < end) || value === ignored) continue
    const expected = `0 to ${end - 1}${ignored === undefined ? '' : `, or ${ignored} for none`}`
    throw new ShapeError(rule, { where: where(i), expected, found: value })
  }
}

/** Throws for the first value that is not finite. */
export function expectFinite(values: ArrayLike<number>, where: (i: number) => string): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue
    throw new ShapeError('not a finite number', { where: where(i), found: values[i] })
  }
}

function sourceOf({ record }: RecordPart, { input }: Sizes): ArrayLike<number> {
  const [name, values] =
    'vocabulary' in input ? (['tokens', record.tokens] as const) : (['features', record.features] as const)
  if (values) return values
  throw new ConfigError(`the model takes ${name}, and the record has none`, { where: nameOf(record) })
}
