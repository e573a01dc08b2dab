/** How a long row of tokens becomes batches to train on. Each way can be saved and continued exactly. */
import * as v from 'valibot'
import { check, needed, NUMBERS, optionsOf, seed as anySeed, whole } from '../check.ts'
import { ConfigError, ShapeError } from '../errors.ts'
import { Random } from '../tensor/random.ts'
import { IGNORE, type Batch, type Batches } from './batch.ts'

/**
 * Batches of a text: what goes in, and the token that follows at each position (`IGNORE` where none does).
 */
export interface TokenBatch extends Batch {
  readonly tokens: Int32Array
  readonly labels: Int32Array
  /** 1 where a new sequence starts inside the row; absent if none does. */
  readonly reset?: Int32Array
}

/** Sizes and order of batches. */
export interface BatchOptions {
  readonly batch: number
  readonly length: number
  readonly seed?: number
}

/** Tokens of a corpus; `starts` are the first positions of its documents (0 among them). */
export interface Corpus {
  readonly tokens: ArrayLike<number>
  readonly starts: readonly number[]
}

const size = whole(1, 2 ** 30)
const readOptions = optionsOf<BatchOptions>({ batch: needed(size), length: needed(size), seed: anySeed })

const CORPUS = v.looseObject(
  { tokens: NUMBERS, starts: v.array(v.number('a position'), 'a list of positions') },
  'a corpus: tokens, and starts of documents',
)

/** Windows from random places. */
export function randomWindows(corpus: Corpus, options: BatchOptions): Batches<TokenBatch> {
  const { batch, length, seed = 0 } = readOptions(options, 'randomWindows')
  check(corpus, CORPUS, 'randomWindows')
  const { tokens } = corpus
  expectIds(tokens)
  expectEnough(tokens.length, length + 1)
  const random = new Random(seed)
  return {
    batch,
    length,
    carried: false,
    masked: false,
    next() {
      const made = emptyBatch(batch, length)
      for (let row = 0; row < batch; row++) {
        const start = random.integer(tokens.length - length)
        copyWindow(tokens, start, made, row, length)
      }
      return made
    },
    save: () => ({ random: random.state }),
    restore(state) {
      random.state = state.random!
    },
  }
}

/**
 * `batch` places in the corpus, evenly apart, each read on and on: with the state carried from step to step,
 * a model trains on sequences far longer than what it backpropagates through. At the corpus' end a row goes
 * on at its start, after a reset.
 */
export function carriedStreams(corpus: Corpus, options: BatchOptions): Batches<TokenBatch> {
  const { batch, length } = readOptions(options, 'carriedStreams')
  check(corpus, CORPUS, 'carriedStreams')
  const { tokens, starts } = corpus
  expectIds(tokens)
  expectEnough(tokens.length, batch * (length + 1))
  const first = new Set(starts)
  let cursors = Array.from({ length: batch }, (_, row) => Math.floor((row * tokens.length) / batch))
  return {
    batch,
    length,
    carried: true,
    masked: true,
    next() {
      const made = { ...emptyBatch(batch, length), reset: new Int32Array(batch * length) }
      cursors = cursors.map((cursor, row) => {
        for (let i = 0; i < length; i++) {
          const at = (cursor + i) % tokens.length
          const next = (at + 1) % tokens.length
          made.tokens[row * length + i] = tokens[at]!
          made.labels[row * length + i] = first.has(next) ? IGNORE : tokens[next]
          made.reset[row * length + i] = first.has(at) ? 1 : 0
        }
        return (cursor + length) % tokens.length
      })
      return made
    },
    save: () => ({ cursors }),
    restore(state) {
      cursors = [...state.cursors!]
    },
  }
}

/**
 * Documents in random order, one after another in each row; a reset mask keeps them apart. What is longer
 * than a row is taken in pieces; the last one of a row is cut short.
 */
export function packedDocuments(corpus: Corpus, options: BatchOptions): Batches<TokenBatch> {
  const { batch, length, seed = 0 } = readOptions(options, 'packedDocuments')
  check(corpus, CORPUS, 'packedDocuments')
  const { tokens } = corpus
  expectIds(tokens)
  const pieces = cutDocuments(corpus, length)
  if (pieces.length === 0) expectEnough(0, 2)
  const random = new Random(seed)
  return {
    batch,
    length,
    carried: false,
    masked: true,
    next() {
      const made = { ...emptyBatch(batch, length), reset: new Int32Array(batch * length) }
      for (let at = 0; at < batch * length;) {
        const { from, to, end } = pieces[random.integer(pieces.length)]
        const size = Math.min(to - from, length - (at % length))
        made.reset[at] = 1
        for (let i = from; i < from + size; i++, at++) {
          made.tokens[at] = tokens[i]!
          made.labels[at] = i + 1 < end ? tokens[i + 1] : IGNORE
        }
      }
      return made
    },
    save: () => ({ random: random.state }),
    restore(state) {
      random.state = state.random!
    },
  }
}

/** A stretch of a document, and where the document ends. */
interface Piece {
  readonly from: number
  readonly to: number
  readonly end: number
}

/** Pieces of at most `length` tokens. A single token has nothing to predict. */
function cutDocuments({ tokens, starts }: Corpus, length: number): Piece[] {
  const pieces: Piece[] = []
  for (const [document, start] of starts.entries()) {
    const end = starts[document + 1] ?? tokens.length
    for (let from = start; from < end - 1; from += length)
      pieces.push({ from, to: Math.min(from + length, end), end })
  }
  return pieces
}

function emptyBatch(batch: number, length: number): { tokens: Int32Array; labels: Int32Array } {
  return { tokens: new Int32Array(batch * length), labels: new Int32Array(batch * length) }
}

function copyWindow(
  tokens: ArrayLike<number>,
  start: number,
  into: TokenBatch,
  row: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    into.tokens[row * length + i] = tokens[start + i]!
    into.labels[row * length + i] = tokens[start + i + 1]!
  }
}

export function expectEnough(found: number, expected: number): void {
  if (found < expected) {
    throw new ConfigError('too little data for one batch', {
      where: 'data',
      expected: `at least ${expected} tokens`,
      found,
      hint: 'Use a shorter length, a smaller batch, or more text',
    })
  }
}

/**
 * Arrays that can hold other numbers than whole ones are looked through: a batch would cut them off in
 * silence.
 */
export function expectIds(tokens: ArrayLike<number>): void {
  if (ArrayBuffer.isView(tokens) && !(tokens instanceof Float32Array || tokens instanceof Float64Array))
    return
  for (let i = 0; i < tokens.length; i++) {
    if (Number.isInteger(tokens[i])) continue
    throw new ShapeError('a token id must be a whole number', { where: `tokens[${i}]`, found: tokens[i] })
  }
}
