import { bytesOf, type Bytes, type TokenIds } from '../../check.ts'
import { DISPOSE } from '../../disposal.ts'
import { ConfigError, StateError } from '../../errors.ts'
import type { Model } from '../../models/model.ts'
import { Random } from '../../tensor/random.ts'
import type { Tokenizer } from '../../tokenizers/tokenizer.ts'
import { Guard } from './guard.ts'
import {
  expectSome,
  expectTokenizer,
  expectTokens,
  promptOf,
  splitPrompt,
  textRun,
  tokenRun,
  type AppendOptions,
  type GenerateOptions,
  type Run,
  type TextOptions,
} from '../options.ts'
import { findPrefix, keepPrefix, openSaved, saveSequence, type Subject } from '../saved/lazy.ts'
import { Sequence, type SequenceSettings } from './sequence.ts'
import { TextFlow } from '../text-flow.ts'
import { readAppend, readRestore, readSequence, type RestoreOptions } from './session-options.ts'

/** The inside of a session, for batches. */
export interface SessionParts {
  readonly model: Model
  readonly tokenizer: Tokenizer | undefined
  readonly guard: Guard
  readonly sequence: Sequence
  readonly flow: TextFlow | undefined
}

export let partsOf: (session: Session) => SessionParts

/**
 * A text, or a sequence of tokens, and the model's state after it. Memory does not grow with its length, but
 * for the history (8 bytes a token) and the caches of attention layers.
 *
 * The last token drawn is part of the session, and is fed to the model with whatever comes next. One call
 * runs at a time: another throws StateError. Between the pieces that `generate` gives, others may; once one
 * of them changes the tokens, the generation that was under way ends with a StateError at its next piece.
 * After an error of the device the session is of no use.
 */
export class Session {
  readonly #model: Model
  readonly #tokenizer: Tokenizer | undefined
  readonly #guard: Guard
  readonly #sequence: Sequence
  #flow: TextFlow | undefined

  static {
    partsOf = (session) => ({
      model: session.#model,
      tokenizer: session.#tokenizer,
      guard: session.#guard,
      sequence: session.#sequence,
      flow: session.#flow,
    })
  }

  /** @internal Made by `LanguageModel.session`. */
  constructor(model: Model, tokenizer: Tokenizer | undefined, options: SequenceSettings | Sequence = {}) {
    const { head } = model.config
    if (head.kind !== 'language') {
      throw new ConfigError('only a language model can continue a text', {
        where: 'session',
        found: head.kind,
      })
    }
    this.#model = model
    this.#guard = new Guard(() => model.expectAlive())
    this.#tokenizer = tokenizer
    this.#sequence =
      options instanceof Sequence ? options : new Sequence(model, readSequence(options, 'session'))
    this.#flow = tokenizer && new TextFlow(tokenizer)
  }

  /** Tokens seen: given and drawn. */
  get length(): number {
    return this.#sequence.length
  }

  /** The tokens, or, if the history is off, the last of them. */
  get tokens(): readonly number[] {
    return this.#sequence.history.slice()
  }

  /** Memory of the state on the device. */
  get stateBytes(): number {
    return this.#sequence.stateBytes
  }

  /** Memory of what `rewind` goes back to, on the device. */
  get snapshotBytes(): number {
    return this.#sequence.snapshotBytes
  }

  /**
   * Reads a text or tokens, in pieces. A first text gets the tokens that the tokenizer puts around texts.
   * Nothing is read if any token is wrong.
   *
   * @throws ShapeError for ids outside the vocabulary, ConfigError for text without a tokenizer
   */
  async append(input: string | TokenIds, options: AppendOptions = {}): Promise<void> {
    const { store, signal } = readAppend(options, 'append')
    const given = promptOf(input, 'append')
    await this.#guard.alone(async () => {
      const ids = typeof given === 'string' ? this.#encode(given) : given
      expectTokens(ids, this.#model.vocabulary)
      this.#sequence.expectRoom(ids.length)
      signal?.throwIfAborted()
      this.#guard.change()
      const saved = store && (await findPrefix(this.#subject, ids, store))
      if (ids.length > 0) this.#flow?.reset()
      if (saved) return this.#guard.running(() => this.#sequence.write(saved))
      this.#sequence.push(ids)
      await this.#guard.running(() => this.#sequence.advance(signal), signal)
      if (store) await keepPrefix(this.#subject, store)
    })
  }

  /**
   * Draws text, in pieces as they become certain: never half a character, never the beginning of a stop text.
   * Leave the loop at any time: what was drawn is part of the session, and the next call goes on with the
   * text that was not given out. Tokens from the one where a stop text begins are taken back, unless the
   * session cannot go back (no history, no snapshots).
   */
  generate(prompt: string | TokenIds, options?: TextOptions): AsyncGenerator<string, void, void>
  generate(options?: TextOptions): AsyncGenerator<string, void, void>
  async *generate(
    first?: string | TokenIds | TextOptions,
    rest: TextOptions = {},
  ): AsyncGenerator<string, void, void> {
    const { prompt, options } = splitPrompt(first, rest)
    expectTokenizer(this.#tokenizer, this.#model.tokenizerProblem)
    const run = textRun(options, this.#model, 'generate')
    const turn = await this.#begin(prompt, run)
    for (let count = 0; count < run.maxTokens; count++) {
      const token = await this.#draw(run, turn)
      if (token === undefined) {
        const text = this.#flow!.finish()
        if (text !== '') yield text
        return
      }
      const before = (): number[] => this.#sequence.tail(1)
      const { text, unwanted } = this.#flow!.push(token, before, run.stop)
      if (unwanted !== undefined) await this.#guard.alone(() => this.#takeBack(unwanted))
      if (text !== '') yield text
      if (unwanted !== undefined) return
    }
    const text = this.#flow!.release()
    if (text !== '') yield text
  }

  /** Draws tokens. */
  generateTokens(prompt: string | TokenIds, options?: GenerateOptions): AsyncGenerator<number, void, void>
  generateTokens(options?: GenerateOptions): AsyncGenerator<number, void, void>
  async *generateTokens(
    first?: string | TokenIds | GenerateOptions,
    rest: GenerateOptions = {},
  ): AsyncGenerator<number, void, void> {
    const { prompt, options } = splitPrompt(first, rest)
    const run = tokenRun(options, this.#model, 'generateTokens')
    const turn = await this.#begin(prompt, run)
    for (let count = 0; count < run.maxTokens; count++) {
      const token = await this.#draw(run, turn)
      if (token === undefined) return
      this.#flow?.reset()
      yield token
    }
  }

  /** Logits [V] of the token that follows the last one. */
  async logits(): Promise<Float32Array> {
    return this.#guard.alone(() => {
      expectSome(this.length)
      return this.#guard.running(async () => {
        await this.#sequence.advance()
        return this.#sequence.logits()
      })
    })
  }

  /**
   * Takes the last `count` tokens back. Exact: what is fed again is fed in the same pieces as before, and the
   * same tokens appended again give the same bits. Tokens that went in with a batch are fed again by
   * themselves, which may round otherwise (by some 1e-7). The state goes back to a snapshot at once; the
   * tokens from there on are fed with what comes next.
   *
   * @throws StateError if they are more than there are, or if tokens before them are needed and were not kept
   */
  async rewind(count: number): Promise<void> {
    await this.#guard.alone(async () => {
      if (!Number.isInteger(count) || count < 0 || count > this.length) {
        throw new StateError('cannot take back that many tokens', {
          where: 'session: rewind',
          expected: `0 to ${this.length}`,
          found: count,
        })
      }
      this.#guard.change()
      if (count > 0) await this.#cut(count)
    })
  }

  /** Forgets everything; options and random numbers stay. */
  reset(): void {
    this.#guard.expectFree()
    this.#guard.change()
    this.#flow?.reset()
    this.#sequence.clear()
  }

  /** An independent copy. Snapshots are shared, as they never change; the state is not. */
  async fork(): Promise<Session> {
    return this.#guard.alone(() =>
      this.#guard.running(() => {
        const copy = new Session(this.#model, this.#tokenizer, this.#sequence.copy())
        copy.#flow = this.#flow?.copy()
        return copy
      }),
    )
  }

  /** All to go on elsewhere: on any device, in Node or a browser. Of the weights, only a fingerprint. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#guard.alone(() =>
      this.#guard.running(() => saveSequence(this.#subject, { held: this.#flow?.held })),
    )
  }

  /** Becomes what was saved. Nothing changes if that does not fit, or another model made it: StateError. */
  async restore(bytes: Bytes, options: RestoreOptions = {}): Promise<void> {
    const read = readRestore(options, 'restore')
    await this.#guard.alone(async () => {
      const saved = await openSaved(this.#subject, await bytesOf(bytes, 'restore'), read)
      this.#guard.change()
      await this.#guard.running(() => this.#sequence.write(saved))
      this.#sequence.random.state = saved.random
      this.#flow = this.#tokenizer && new TextFlow(this.#tokenizer, saved.held)
    })
  }

  /**
   * Gives the memory back; a call that is under way rejects with a StateError, as do all that follow. Safe to
   * call again.
   */
  dispose(): void {
    if (this.#guard.dispose()) this.#sequence.dispose()
  }

  [DISPOSE](): void {
    this.dispose()
  }

  get #subject(): Subject {
    return { sequence: this.#sequence, tokenizer: this.#tokenizer }
  }

  #encode(text: string): number[] {
    const options = this.#sequence.goesOn
    return expectTokenizer(this.#tokenizer, this.#model.tokenizerProblem).encode(text, options)
  }

  /** Reads the prompt. Gives the number of the turn. */
  async #begin(prompt: string | TokenIds | undefined, run: Run): Promise<number> {
    if (prompt !== undefined) await this.append(prompt, { signal: run.signal })
    this.#guard.expectFree()
    expectSome(this.length)
    if (run.seed !== undefined) this.#sequence.random.state = new Random(run.seed).state
    return this.#guard.change()
  }

  /** Draws a token and takes it in; undefined if it ends the text. */
  async #draw({ settings, stopTokens, signal }: Run, turn: number): Promise<number | undefined> {
    this.#guard.expectTurn(turn)
    const draw = async (): Promise<number | undefined> => {
      await this.#sequence.advance(signal)
      const token = await this.#sequence.draw(settings)
      if (stopTokens.has(token)) return undefined
      this.#sequence.push([token])
      return token
    }
    return this.#guard.alone(() => this.#guard.running(draw, signal))
  }

  /** Takes the tokens of a stop text back, if that can be done. */
  async #takeBack(count: number): Promise<void> {
    if (this.#sequence.reaches(this.length - count)) await this.#cut(count)
  }

  async #cut(count: number): Promise<void> {
    this.#flow?.reset()
    await this.#guard.running(() => this.#sequence.cut(this.length - count))
  }
}
