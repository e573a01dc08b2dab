import { StateError } from '../../errors.ts'
import { faultIn } from '../../models/faults.ts'
import type { Model } from '../../models/model.ts'
import { copyInto, fill } from '../../ops/index.ts'
import { Random } from '../../tensor/random.ts'
import { scope } from '../../tensor/scope.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { giveTurn } from '../../turn.ts'
import { penalises } from '../settings.ts'
import { Decoder, drawnFromZeros } from './decoder.ts'
import { History } from './history.ts'
import type { SavedState } from '../saved/saved-state.ts'
import { SPACING, Snapshots } from './snapshots.ts'
import { copyOf, positions, rowOf, type NamedTensors, type States } from '../../nn/states.ts'

/** Positions that attention layers have room for at first. */
const FIRST_CAPACITY = 256
/** Tokens that are kept in any case: a character may have begun in them. */
const TAIL = 8

export interface SequenceSettings {
  /** Most positions that attention layers keep. Default: as many as are needed, by doubling from 256. */
  readonly capacity?: number
  /** Snapshots of the state that are kept beside the latest two. Default: 4. */
  readonly snapshots?: number
  /** false: only the tokens since the first of the latest two snapshots are kept. */
  readonly history?: boolean
  /** false: no snapshots. Going back then feeds all tokens again from the first. */
  readonly rewind?: boolean
}

/**
 * Tokens, and the model's state after them: what a session is, without text and without checks of who uses
 * it.
 */
export class Sequence {
  readonly model: Model
  readonly options: SequenceSettings
  readonly random = new Random(0)
  readonly #decoder: Decoder
  #history = new History()
  #snapshots: Snapshots
  /** Tokens that the state has taken; those after are fed with whatever comes next. */
  #fed = 0
  /** How often each token occurred. Kept from the beginning if the tokens are not. */
  #counts: Int32Array | undefined

  constructor(model: Model, options: SequenceSettings, decoder?: Decoder) {
    this.model = model
    this.options = options
    this.#decoder = decoder ?? new Decoder(model, 1, options.capacity ?? FIRST_CAPACITY)
    this.#snapshots = new Snapshots(options.history === false ? 0 : (options.snapshots ?? 4))
    if (options.history === false) this.#counts = new Int32Array(model.vocabulary)
  }

  get length(): number {
    return this.#history.length
  }

  get fed(): number {
    return this.#fed
  }

  /** How a text that is appended becomes tokens: as the beginning, or after the last token. */
  get goesOn(): { readonly special: true } | { readonly after: number | undefined } {
    return this.length === 0 ? { special: true } : { after: this.#history.slice(this.length - 1)[0] }
  }

  get history(): History {
    return this.#history
  }

  get decoder(): Decoder {
    return this.#decoder
  }

  get stateBytes(): number {
    return this.#decoder.states.bytes
  }

  get snapshotBytes(): number {
    return this.#snapshots.bytes
  }

  /** How often each token occurred. */
  get counts(): Int32Array {
    if (!this.#counts) {
      this.#counts = new Int32Array(this.model.vocabulary)
      for (const token of this.#history.slice()) this.#counts[token]++
    }
    return this.#counts
  }

  /** Takes ids of the vocabulary in; they are fed later. */
  push(tokens: readonly number[]): void {
    for (const token of tokens) {
      this.#history.push(token)
      if (this.#counts) this.#counts[token]++
    }
  }

  /** Throws if there is no room for `more` tokens. */
  expectRoom(more: number): void {
    const { capacity } = this.options
    const needed = this.length + more
    if (capacity === undefined || needed <= capacity || !this.#decoder.grows) return
    throw new StateError('the session has no room left for its attention layers', {
      where: 'session: capacity',
      expected: `at most ${capacity} tokens`,
      found: needed,
      hint: 'Give a larger capacity, or none: room is then made as needed',
    })
  }

  /** Feeds what has not been fed. `signal` stops it between two pieces; the rest stays to be fed. */
  async advance(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.expectRoom(0)
    while (this.#fed < this.length) {
      const size = this.#history.next(this.#fed)
      const tokens = this.#history.slice(this.#fed, this.#fed + size)
      if (size === 1) this.#decoder.step(tokens, [this.#fed])
      else this.#decoder.read(tokens, this.#fed)
      this.moved(size, () => this.#position())
      if (this.#fed === this.length) return
      // Single steps are short; waiting for each would take longer than they do.
      if (size > 1 || this.#fed % SPACING === 0) await this.model.device.synchronize()
      await giveTurn(signal)
    }
  }

  /** Notes that `size` tokens were fed; `after` gives what a snapshot then holds. */
  moved(size: number, after: () => NamedTensors): void {
    if (size === 1) this.#history.stepped(this.#fed)
    this.#fed += size
    if (this.options.rewind !== false && this.#snapshots.due(this.#fed)) {
      scope(() => this.#snapshots.take(this.#fed, after()))
    }
    if (this.options.history === false) this.#trim()
  }

  /** Draws the token that follows; it is not taken in. Everything must have been fed. */
  async draw(settings: Float32Array): Promise<number> {
    const seen = penalises(settings) ? this.counts : undefined
    const uniform = this.random.uniform()
    const [token] = Array.from(await this.#decoder.draw([uniform], settings, seen))
    if (token < 0) await this.#expectSound(token)
    return token < 0 ? drawnFromZeros(uniform, settings, this.model.vocabulary) : token
  }

  /** Logits [V] of the token that follows. Everything must have been fed. */
  async logits(): Promise<Float32Array> {
    const logits = (await this.#decoder.logits.read()) as Float32Array
    const fault = faultIn(logits)
    if (fault) await this.#expectSound(fault === 'zeros' ? -2 : -1)
    return logits
  }

  async #expectSound(drawn: number): Promise<void> {
    const error = await this.#decoder.fault(drawn, 0, this.tail(0).slice(-1), [this.#fed - 1])
    if (error) throw error
  }

  /** The last tokens but `count`: what text that goes on may need. */
  tail(count: number): number[] {
    const end = this.length - count
    return this.#history.slice(Math.max(this.#history.base, end - TAIL), end)
  }

  /** Whether one can go back to `length`. */
  reaches(length: number): boolean {
    return length >= this.#fed || this.#history.base === 0 || this.#snapshots.reach(length)
  }

  /** Takes tokens back until `length` are left. */
  cut(length: number): void {
    if (length < this.#fed) this.#goBack(length)
    for (const token of this.#history.cut(length)) if (this.#counts) this.#counts[token]--
  }

  /** Forgets everything. */
  clear(): void {
    this.#snapshots.dispose()
    this.#decoder.states.clear()
    this.#history = new History()
    this.#fed = 0
    this.#counts = this.options.history === false ? new Int32Array(this.model.vocabulary) : undefined
  }

  /** A sequence of its own that goes on from here. */
  copy(): Sequence {
    const { model, options } = this
    const { states, capacity, logits } = this.#decoder
    const from = { states: states.copy(), logits: copyOf(logits) }
    const copy = new Sequence(model, options, new Decoder(model, 1, capacity, from))
    copy.#history = this.#history.copy(this.#fed)
    copy.#snapshots = this.#snapshots.share()
    copy.#fed = this.#fed
    copy.#counts = this.#counts?.slice()
    copy.random.state = this.random.state
    return copy
  }

  /** The state as host values. */
  async read(): Promise<Omit<SavedState, 'tokenizer' | 'held' | 'maker'>> {
    const fed = this.#fed
    const whole = this.options.history !== false
    const base = whole ? this.#history.base : Math.max(this.#history.base, Math.min(fed, this.length - TAIL))
    const history = this.#history.copy(fed)
    history.trim(base)
    const tensors = new Map<string, Float32Array>()
    if (fed > 0) {
      const { states } = this.#decoder
      for (const [name, tensor] of states.named) {
        const used = usedOf(states, name, tensor, fed)
        tensors.set(name, (await used.read().finally(() => used.dispose())) as Float32Array)
      }
      tensors.set('logits', (await this.#decoder.logits.read()) as Float32Array)
    }
    return {
      tokens: history.slice(),
      base: history.base,
      fed,
      pieces: history.pieces(fed),
      random: this.random.state,
      counts: history.base > 0 ? this.counts.slice() : undefined,
      tensors,
    }
  }

  /** Becomes what was saved. */
  write(saved: SavedState): void {
    const { tokens, base, fed, pieces, counts, tensors } = saved
    this.clear()
    this.#decoder.reserve(fed)
    const { states, logits } = this.#decoder
    for (const [name, tensor] of [...states.named, ['logits', logits] as const]) {
      const values = tensors.get(name)
      if (!values) continue
      const used = usedOf(states, name, tensor, fed)
      used.write(values)
      used.dispose()
    }
    this.#history = new History(tokens, base, fed, pieces)
    this.#fed = fed
    if (base > 0) this.#counts = counts
    else if (this.#counts) for (const token of tokens) this.#counts[token]++
    if (fed > 0 && this.options.rewind !== false) {
      this.#snapshots.take(fed, this.#position())
    }
    if (this.options.history === false) this.#trim()
  }

  /** Takes over row `row` of states that took tokens of several sequences, and of their logits. */
  adopt(decoder: Decoder, row: number): void {
    this.#decoder.reserve(this.#fed)
    scope(() => {
      const from = decoder.states.row(row, this.#fed)
      for (const [name, to] of this.#decoder.states.row(0, this.#fed)) copyInto(to, from.get(name)!)
      copyInto(this.#decoder.logits, rowOf(decoder.logits, row))
    })
  }

  dispose(): void {
    this.#snapshots.dispose()
    this.#decoder.dispose()
  }

  /** What a snapshot holds: the states of fixed size, and `logits`. */
  #position(): NamedTensors {
    return new Map([...this.#decoder.states.fixed, ['logits', this.#decoder.logits]])
  }

  /** To the latest snapshot at or before `length`; from there on, tokens wait to be fed again. */
  #goBack(length: number): void {
    if (!this.reaches(length)) {
      const first = this.#snapshots.first ?? this.#fed
      throw new StateError('the session cannot go back that far', {
        where: 'session: rewind',
        expected: `at most ${this.length - first} tokens, as earlier ones were not kept`,
        found: this.length - length,
      })
    }
    const tensors = this.#position()
    const found = this.#snapshots.restore(length, tensors)
    if (found === undefined) for (const each of tensors.values()) fill(each, 0)
    this.#snapshots.cut(length)
    this.#fed = found ?? 0
  }

  #trim(): void {
    const floor = this.options.rewind === false ? this.#fed : this.#snapshots.floor
    this.#history.trim(Math.min(floor, this.#fed, this.length - TAIL))
  }
}

/** A tensor of the state; of one that grows, the positions in use: a view, which the caller disposes. */
function usedOf(states: States, name: string, tensor: Tensor, used: number): Tensor {
  return states.growing.has(name) ? positions(tensor, 0, used) : tensor.view()
}
