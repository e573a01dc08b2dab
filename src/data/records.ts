/** One sequence with what is known of it: the smallest piece of data that tasks learn from. */
import { ShapeError } from '../errors.ts'

/**
 * A sequence of L positions: `tokens` or `features`, and the targets of a task, if they are known.
 */
export interface SequenceRecord {
  /** What errors and predictions call it. */
  readonly id?: string
  /** Token ids [L]. */
  readonly tokens?: ArrayLike<number>
  /** Numbers [L, F], position by position. */
  readonly features?: ArrayLike<number>
  /** Class of the sequence, from 0. */
  readonly label?: number
  /** Class of each position [L], from 0; -100 (`IGNORE`) where none is known. */
  readonly labels?: ArrayLike<number>
  /** Numbers of the sequence [O], or of each position [L, O]; NaN where none is known. */
  readonly values?: ArrayLike<number>
  /** How much each of the values counts, in the same places. Default: 1. */
  readonly weights?: ArrayLike<number>
}

/** Positions [from, to) of a record. */
export interface RecordPart {
  readonly record: SequenceRecord
  readonly from: number
  readonly to: number
}

/**
 * Positions of a record. `features`: numbers that a position has.
 *
 * @throws ShapeError if it has none, or features that do not fill its positions
 */
export function lengthOf(record: SequenceRecord, features = 1): number {
  const { tokens, features: numbers } = record
  const length = tokens ? tokens.length : (numbers?.length ?? 0) / features
  if (Number.isInteger(length) && length > 0) return length
  throw new ShapeError(length === 0 ? 'the sequence is empty' : 'features do not fill the positions', {
    where: nameOf(record),
    ...(length !== 0 && {
      expected: `a multiple of ${features} numbers`,
      found: numbers?.length,
    }),
  })
}

export const nameOf = ({ id }: SequenceRecord): string => (id === undefined ? 'a record' : `record ${id}`)
