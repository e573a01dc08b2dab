/** How the sequence of a row goes into a model: text as bytes, or numbers brought to about the same size. */
import * as v from 'valibot'
import type { SequenceRecord } from '../../data/records.ts'
import type { InputConfig } from '../../models/stack-config.ts'
import { byteTokenizer } from '../../tokenizers/text/bytes.ts'
import type { Scale } from '../metrics/number-meter.ts'
import type { Cells } from './cells.ts'

const number = v.pipe(v.number('a number'), v.finite('a number'))

/** A scale for each of some numbers, as JSON. */
export const SCALES = v.pipe(
  v.array(
    v.strictObject({ mean: number, deviation: v.pipe(number, v.gtValue(0, 'a number above 0')) }),
    'a list of scales',
  ),
  v.minLength(1, 'a scale or more'),
)

/** How sequences became numbers, as JSON. */
export const INPUT_ENCODING = v.variant('kind', [
  v.strictObject({ kind: v.literal('bytes') }),
  v.strictObject({ kind: v.literal('numbers'), channels: SCALES }),
])

export type InputEncoding = v.InferOutput<typeof INPUT_ENCODING>

/** What a model takes of sequences that are encoded so. */
export const inputConfig = (encoding: InputEncoding): InputConfig =>
  encoding.kind === 'bytes' ? { vocabulary: byteTokenizer.size } : { features: encoding.channels.length }

/**
 * The encoding for sequences of these rows. Lists of JSON are numbers; text is bytes, unless it is said to be
 * numbers.
 */
export function learnInput(rows: readonly Cells[], column: string, asNumbers: boolean): InputEncoding {
  const [first] = rows
  if (!asNumbers && !Array.isArray(first.value(column))) return { kind: 'bytes' }
  const { channels } = first.numbers(column)
  return {
    kind: 'numbers',
    channels: learnScales(
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
  const channels = encoding.channels.length
  const values = sameChannels(cells, column, channels)
  const unknown = values.findIndex((value) => Number.isNaN(value))
  if (unknown >= 0)
    throw cells.error(column, 'not a number', { found: `NaN at position ${Math.floor(unknown / channels)}` })
  return {
    record: { features: Float32Array.from(scaled(values, encoding.channels)) },
    length: values.length / channels,
  }
}

/**
 * Mean and standard deviation of each of `width` numbers over rows of them; NaN does not count, and no
 * deviation is 0.
 */
export function learnScales(rows: readonly (readonly number[])[], width: number): Scale[] {
  return Array.from({ length: width }, (_, i) => {
    let [count, mean, squares] = [0, 0, 0]
    for (const row of rows) {
      for (let at = i; at < row.length; at += width) {
        if (Number.isNaN(row[at])) continue
        // Welford 1962: no large sums whose difference is lost.
        count++
        const before = row[at] - mean
        mean += before / count
        squares += before * (row[at] - mean)
      }
    }
    return { mean, deviation: squares > 0 ? Math.sqrt(squares / count) : 1 }
  })
}

/** Values less the mean, in deviations. */
export const scaled = (values: readonly number[], scales: readonly Scale[]): number[] =>
  values.map((value, i) => {
    const { mean, deviation } = scales[i % scales.length]
    return (value - mean) / deviation
  })

function sameChannels(cells: Cells, column: string, channels: number): number[] {
  const found = cells.numbers(column)
  if (found.channels === channels) return found.values
  throw cells.error(column, 'wrong number of channels', { expected: channels, found: found.channels })
}
