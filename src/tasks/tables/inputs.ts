/** How the sequence of a row goes into a model: text as bytes, or numbers brought to about the same size. */
import * as v from 'valibot'
import type { SequenceRecord } from '../../data/records.ts'
import type { InputConfig } from '../../models/stack-config.ts'
import { byteTokenizer } from '../../tokenizers/text/bytes.ts'
import type { Scale } from '../metrics/number-meter.ts'
import type { Cells } from './cells.ts'

const numbers = v.pipe(
  v.array(v.pipe(v.number('a number'), v.finite('a number')), 'a list of numbers'),
  v.readonly(),
)

/** Mean and deviation of each of some numbers, as JSON. */
export const SCALE = v.strictObject({ mean: numbers, deviation: numbers })

/** How sequences became numbers, as JSON. */
export const INPUT_ENCODING = v.variant('kind', [
  v.strictObject({ kind: v.literal('bytes') }),
  v.strictObject({ kind: v.literal('numbers'), ...SCALE.entries }),
])

export type InputEncoding = v.InferOutput<typeof INPUT_ENCODING>

/** What a model takes of sequences that are encoded so. */
export const inputConfig = (encoding: InputEncoding): InputConfig =>
  encoding.kind === 'bytes' ? { vocabulary: byteTokenizer.size } : { features: encoding.mean.length }

/** The encoding for sequences of these rows. Lists of JSON are numbers; text is bytes, unless it is said to be numbers. */
export function learnInput(rows: readonly Cells[], column: string, asNumbers: boolean): InputEncoding {
  const [first] = rows
  if (!asNumbers && !Array.isArray(first.value(column))) return { kind: 'bytes' }
  const { channels } = first.numbers(column)
  return {
    kind: 'numbers',
    ...learnScale(
      rows.map((cells) => sameChannels(cells, column, channels)),
      channels,
    ),
  }
}

/** The sequence of a row, and how many positions it has. */
export function encodeInput(
  cells: Cells,
  column: string,
  encoding: InputEncoding,
): { readonly record: SequenceRecord; readonly length: number } {
  if (encoding.kind === 'bytes') {
    const tokens = byteTokenizer.encode(cells.text(column))
    return { record: { tokens: Uint8Array.from(tokens) }, length: tokens.length }
  }
  const channels = encoding.mean.length
  const values = sameChannels(cells, column, channels)
  const unknown = values.findIndex((value) => Number.isNaN(value))
  if (unknown >= 0)
    throw cells.error(column, 'not a number', { found: `NaN at position ${Math.floor(unknown / channels)}` })
  return {
    record: { features: Float32Array.from(scaled(values, encoding)) },
    length: values.length / channels,
  }
}

/** Mean and standard deviation of each of `width` numbers over rows of them; NaN does not count, and no deviation is 0. */
export function learnScale(rows: readonly (readonly number[])[], width: number): Scale {
  const mean: number[] = []
  const deviation: number[] = []
  for (let i = 0; i < width; i++) {
    let [count, sum, squares] = [0, 0, 0]
    const each = (add: (value: number) => void): void => {
      for (const row of rows)
        for (let at = i; at < row.length; at += width) if (!Number.isNaN(row[at])) add(row[at])
    }
    each((value) => {
      count++
      sum += value
    })
    const center = count === 0 ? 0 : sum / count
    each((value) => (squares += (value - center) ** 2))
    mean.push(center)
    deviation.push(squares > 0 ? Math.sqrt(squares / count) : 1)
  }
  return { mean, deviation }
}

/** Values less the mean, in deviations. */
export const scaled = (values: readonly number[], { mean, deviation }: Scale): number[] =>
  values.map((value, i) => (value - mean[i % mean.length]) / deviation[i % mean.length])

function sameChannels(cells: Cells, column: string, channels: number): number[] {
  const found = cells.numbers(column)
  if (found.channels === channels) return found.values
  throw cells.error(column, 'wrong number of channels', { expected: channels, found: found.channels })
}
