import * as v from 'valibot'
import { looking, optionsOf, seed } from '../../check.ts'
import { ConfigError, describe, StateError } from '../../errors.ts'
import type { Model } from '../../models/model.ts'
import { Random } from '../../tensor/random.ts'
import { Decoder, drawnFromZeros } from './decoder.ts'
import { runOf, TEXT, type Run, type TextOptions } from '../options.ts'
import { penalises } from '../settings.ts'
import { partsOf, Session, type SessionParts } from './session.ts'
import { rowOf, States } from '../../nn/states.ts'
import { stackRows } from '../../ops/index.ts'

/** How the sessions of a batch draw. */
export interface SessionBatchOptions extends Omit<TextOptions, 'seed'> {
  /** A seed for each session. Default: each goes on with its own random numbers. */
  readonly seeds?: readonly number[]
}

const { seed: _, ...DRAWING } = TEXT
const readOptions = optionsOf<SessionBatchOptions>({
  ...DRAWING,
  seeds: v.array(seed, 'a list of seeds'),
})

/** A token that a session of the batch drew. */
export interface BatchToken {
  /** Of the session, in the order given. */
  readonly index: number
  /** undefined: the session has ended, by a stop token or a stop text. */
  readonly token: number | undefined
  /** Text that has become certain with it; empty without a tokenizer. */
  readonly text: string
}

interface Row extends SessionParts {
  readonly index: number
  drawn: number
  done: boolean
}

/**
 * Sessions that are continued together: a step of the model takes a token of each, however different their
 * lengths. While `generate` runs they cannot be used otherwise (StateError); when it ends, or its loop is
 * left, each is where it would be had it run by itself. If one of them is disposed meanwhile, the next step
 * is a StateError, and the others stay where they are.
 */
export class SessionBatch {
  readonly #model: Model
  readonly #sessions: readonly Session[]

  constructor(model: Model, given: readonly Session[]) {
    const sessions = sessionsOf(given)
    if (sessions.length === 0 || new Set(sessions).size !== sessions.length) {
      throw new StateError('a batch needs sessions, each of them once', {
        where: 'batch',
        found: `${sessions.length} sessions, ${new Set(sessions).size} different ones`,
      })
    }
    this.#model = model
    for (const [i, session] of sessions.entries()) {
      if (partsOf(session).model === model) continue
      throw new StateError('the session is of another model', { where: `batch[${i}]` })
    }
    this.#sessions = sessions
  }

  /** Draws tokens: in each step one for every session that has not ended. */
  async *generate(options: SessionBatchOptions = {}): AsyncGenerator<readonly BatchToken[], void, void> {
    const { seeds, ...drawing } = readOptions(options, 'batch')
    const rows = this.#sessions.map((session, index): Row => ({
      ...partsOf(session),
      index,
      drawn: 0,
      done: false,
    }))
    const run = runOf(drawing, this.#model)
    this.#expectReady(rows, seeds)
    for (const { guard } of rows) {
      guard.lock('it is part of a batch that is generating')
      guard.change()
    }
    try {
      for (const [i, { sequence }] of rows.entries()) {
        if (seeds) sequence.random.state = new Random(seeds[i]).state
      }
      if (run.maxTokens > 0) yield* this.#run(rows, run)
    } finally {
      for (const { guard } of rows) guard.unlock()
    }
  }

  async *#run(rows: readonly Row[], run: Run): AsyncGenerator<readonly BatchToken[], void, void> {
    const { signal } = run
    for (const { guard, sequence } of rows) await guard.running(() => sequence.advance(signal), signal)
    const decoder = await running(rows, () => gather(this.#model, rows))
    try {
      for (;;) {
        signal?.throwIfAborted()
        const drawn = await running(rows, () => draw(decoder, rows, run))
        if (drawn.length > 0) yield drawn
        if (rows.every(({ done }) => done)) return
        signal?.throwIfAborted()
        await running(rows, () => step(decoder, rows))
      }
    } finally {
      try {
        for (const row of rows) if (row.guard.sound) release(decoder, row)
      } finally {
        decoder.dispose()
      }
    }
  }

  #expectReady(rows: readonly Row[], seeds: readonly number[] | undefined): void {
    if (seeds && seeds.length !== rows.length) {
      throw new StateError('give a seed for each session', {
        where: 'batch: seeds',
        expected: rows.length,
        found: seeds.length,
      })
    }
    for (const { guard, sequence, index } of rows) {
      guard.expectFree()
      if (sequence.length > 0) continue
      throw new StateError('there is nothing to continue: the session has no tokens', {
        where: `batch[${index}]`,
      })
    }
  }
}

/** A list of its own. Throws ConfigError for what is no list of sessions. */
function sessionsOf(given: unknown): readonly Session[] {
  const sessions: readonly unknown[] = looking('batch', () =>
    Array.isArray(given) ? [...(given as unknown[])] : [],
  )
  if (Array.isArray(given) && sessions.every((each) => each instanceof Session)) return sessions
  throw new ConfigError('not sessions', {
    where: 'batch',
    expected: 'a list of sessions',
    found: describe(given),
  })
}

/** Runs what changes the states of all rows: if it fails, none of the sessions is of use. */
function running<T>(rows: readonly Row[], body: () => T | Promise<T>): Promise<T> {
  const first = (): Promise<T> => Promise.resolve().then(body)
  return rows.reduce(
    (inner, { guard }) =>
      () =>
        guard.running(inner),
    first,
  )()
}

async function draw(decoder: Decoder, rows: readonly Row[], run: Run): Promise<BatchToken[]> {
  const uniforms = rows.map(({ done, sequence }) => (done ? 0 : sequence.random.uniform()))
  const tokens = Array.from(await decoder.draw(uniforms, run.settings, seenOf(rows, run.settings)))
  const drawing = rows.filter(({ done }) => !done)
  for (const { index } of drawing) {
    if (tokens[index] >= 0) continue
    const error = await decoder.fault(tokens[index], index, ...lastOf(rows))
    if (error) throw error
    tokens[index] = drawnFromZeros(uniforms[index], run.settings, decoder.model.vocabulary)
  }
  return drawing.map((row) => take(decoder, row, tokens[row.index], run))
}

/** The last token of each row, and how many came before it; of rows that have ended, nothing that counts. */
function lastOf(rows: readonly Row[]): [tokens: number[], past: number[]] {
  return [
    rows.map(({ done, sequence }) => (done ? 0 : sequence.tail(0).at(-1)!)),
    rows.map(({ done, sequence }) => (done ? 0 : sequence.fed - 1)),
  ]
}

/** Takes in what a row drew; if it ends with that, its session gets the state back. */
function take(decoder: Decoder, row: Row, token: number, run: Run): BatchToken {
  const { index, flow, sequence } = row
  if (run.stopTokens.has(token)) {
    release(decoder, row)
    return { index, token: undefined, text: flow?.finish() ?? '' }
  }
  sequence.push([token])
  const { text = '', unwanted } = flow?.push(token, () => sequence.tail(1), run.stop) ?? {}
  const last = ++row.drawn >= run.maxTokens
  if (!last && unwanted === undefined) return { index, token, text }
  release(decoder, row)
  if (unwanted === undefined) return { index, token, text: text + (flow?.release() ?? '') }
  const length = sequence.length - unwanted
  if (sequence.reaches(length)) sequence.cut(length)
  return { index, token: undefined, text }
}

/** Feeds the token that each row drew. Rows that have ended take a token too, which no one reads. */
function step(decoder: Decoder, rows: readonly Row[]): void {
  for (const { done, sequence } of rows) if (!done) sequence.expectRoom(0)
  const tokens = rows.map(({ done, sequence }) => (done ? 0 : sequence.tail(0).at(-1)!))
  decoder.step(
    tokens,
    rows.map(({ done, sequence }) => (done ? 0 : sequence.fed)),
  )
  for (const { done, sequence, index } of rows) {
    if (done) continue
    sequence.moved(1, () => {
      const states = [...decoder.states.fixed, ['logits', decoder.logits] as const]
      return new Map(states.map(([name, each]) => [name, rowOf(each, index)]))
    })
  }
}

/** States of all rows, one above the other. */
function gather(model: Model, rows: readonly Row[]): Decoder {
  const longest = Math.max(...rows.map(({ sequence }) => sequence.fed))
  const capacity = 2 ** Math.ceil(Math.log2(longest + 1))
  const all = rows.map(({ sequence }) => sequence.decoder)
  const used = rows.map(({ sequence }) => sequence.fed)
  const states = States.stack(
    all.map((decoder) => decoder.states),
    used,
    capacity,
  )
  const logits = stackRows(model.device, [model.vocabulary], () => all.map((decoder) => decoder.logits))
  return new Decoder(model, rows.length, capacity, { states, logits })
}

/** Gives a row's state back to its session. */
function release(decoder: Decoder, row: Row): void {
  if (row.done) return
  row.done = true
  row.sequence.adopt(decoder, row.index)
}

/** Counts of all rows, if repetition is penalised. */
function seenOf(rows: readonly Row[], settings: Float32Array): Int32Array | undefined {
  if (!penalises(settings)) return undefined
  const { vocabulary } = rows[0].sequence.model
  const seen = new Int32Array(rows.length * vocabulary)
  for (const { done, index, sequence } of rows) if (!done) seen.set(sequence.counts, index * vocabulary)
  return seen
}
