/** What a model learns from and is tested on: batches of named arrays, and where they come from. */
import type { HostArray } from '../devices/device.ts'
import type { RandomState } from '../tensor/random.ts'

/** Label of what does not count. */
export const IGNORE = -100

/**
 * The arrays of one batch by name, row-major. Every batch of a source has the same names and sizes. B rows of
 * L positions:
 *
 * | name       | type | shape            | meaning  
 *        |
 * | ---------- | ---- | ---------------- |
 *   ----------------------------------------------------------------------- |
 * | `tokens`   | i32  | [B, L]           | token ids that go in  
 *        |
 * | `features` | f32  | [B, L, F]        | or numbers that go in  
 *        |
 * | `reset`    | i32  | [B, L]           | 1 where a new sequence starts inside a row (sources that are
 *   `masked`)  |
 * | `mask`     | f32  | [B, L]           | 1 where a position belongs to its sequence, 0 where it is padding
 *   on the right (sources that are `padded`) |
 *
 * A task adds its targets, such as `labels`.
 */
export interface Batch {
  readonly [name: string]: HostArray | undefined
}

/**
 * What all batches of a source have in common. Their size never changes: a recorded step is replayed on the
 * same memory.
 */
export interface BatchForm {
  /** Rows B. */
  readonly batch: number
  /** Positions L. */
  readonly length: number
  /**
   * Whether a row continues where the same row of the last batch ended: the model's state is then carried
   * along.
   */
  readonly carried: boolean
  /** Whether batches come with a reset mask. */
  readonly masked: boolean
  /** Whether rows may end in padding: batches then come with a mask. Default: no. */
  readonly padded?: boolean
}

/** An endless, repeatable source of batches to train on. */
export interface Batches<B extends Batch = Batch> extends BatchForm {
  /** The next batch. Its arrays are the caller's: they must not change later. */
  next(): B
  /** Position, as JSON: restoring it continues with the same batches. */
  save(): BatchesState
  /** Goes on from where `save` was called. */
  restore(state: BatchesState): void
}

export interface BatchesState {
  readonly random?: RandomState
  readonly cursors?: readonly number[]
}

/** One batch of a pass. */
export interface PassBatch<B extends Batch = Batch> {
  readonly batch: B
  /** Positions of each row that came before, in the batches before this one. 0: all rows begin here. */
  readonly past: number
}

/**
 * Data that come to an end, in order: what a model is evaluated on, or predicts. Iterating again begins
 * again.
 */
export interface Pass<Item extends PassBatch = PassBatch> extends BatchForm, Iterable<Item> {
  /**
   * If rows are carried: how many positions attention layers remember. 0: they begin anew with each batch.
   */
  readonly capacity: number
}
