import type { Arena, LaunchList } from '../../devices/device.ts'
import type { NumericsError } from '../../errors.ts'
import { faultyLogits } from '../../models/faults.ts'
import type { Model } from '../../models/model.ts'
import { copyInto, sample, zeros } from '../../ops/index.ts'
import { persistent, scope } from '../../tensor/scope.ts'
import { empty, type Tensor } from '../../tensor/tensor.ts'
import type { States } from '../../nn/states.ts'

/**
 * A model, the states of B sequences, and the logits after the last token of each. Taking one more token of
 * each is a recorded launch list, and so is drawing from the logits: neither costs more as the text grows.
 */
export class Decoder {
  readonly model: Model
  readonly rows: number
  /** [B, V] */
  readonly logits: Tensor
  #states: States
  #capacity: number
  readonly #arena: Arena
  readonly #token: Tensor
  readonly #past: Tensor
  readonly #uniform: Tensor
  readonly #settings: Tensor
  /** i32 [B, V], made when a penalty first asks for it. */
  #seen: Tensor | undefined
  #packed: Float32Array | undefined
  #step: LaunchList | undefined
  readonly #draws = new Map<boolean, LaunchList>()

  /**
   * Takes over the states, whose caches hold `capacity` positions, and the logits, if they begin in the
   * middle.
   */
  constructor(
    model: Model,
    rows: number,
    capacity: number,
    from?: { readonly states: States; readonly logits: Tensor },
  ) {
    const { device, vocabulary } = model
    this.model = model
    this.rows = rows
    this.#states = from?.states ?? model.createStates(rows, capacity)
    this.#capacity = capacity
    this.#arena = device.createArena()
    const made = persistent(() => ({
      logits: from?.logits ?? zeros(device, [rows, vocabulary]),
      token: zeros(device, [rows], 'i32'),
      past: zeros(device, [rows], 'i32'),
      uniform: zeros(device, [rows]),
      settings: zeros(device, [8]),
    }))
    this.logits = made.logits
    this.#token = made.token
    this.#past = made.past
    this.#uniform = made.uniform
    this.#settings = made.settings
  }

  get states(): States {
    return this.#states
  }

  /** Whether the state grows with the text. */
  get grows(): boolean {
    return this.#states.grows
  }

  /** Positions that caches have room for. */
  get capacity(): number {
    return this.#capacity
  }

  /**
   * Makes room for `positions`, doubling what there is. What was recorded on the old caches is recorded
   * again.
   */
  reserve(positions: number): void {
    if (positions <= this.#capacity || !this.grows) return
    let capacity = this.#capacity
    while (capacity < positions) capacity *= 2
    this.#states = this.#states.grow(this.#capacity, capacity)
    this.#capacity = capacity
    this.#step = undefined
  }

  /** Takes several tokens of the one sequence, after `past` others. */
  read(tokens: readonly number[], past: number): void {
    this.reserve(past + tokens.length)
    const ids = persistent(() => this.model.tokens([tokens]))
    this.#past.write(Int32Array.of(past))
    try {
      scope(() => this.#take(ids))
    } finally {
      ids.dispose()
    }
  }

  /** Takes one token of each sequence, after `past` others. */
  step(tokens: readonly number[], past: readonly number[]): void {
    this.reserve(Math.max(...past) + 1)
    this.#token.write(Int32Array.from(tokens))
    this.#past.write(Int32Array.from(past))
    const { device } = this.model
    if (this.#step) device.replay(this.#step)
    else this.#step = device.record(() => scope(() => this.#advance(), this.#arena))
  }

  /**
   * Draws a token for each sequence. `seen` [B × V]: how often each occurred, if that is penalised. A number
   * below 0 stands for logits that none can be drawn from: see `fault`.
   */
  async draw(
    uniforms: readonly number[],
    settings: Float32Array,
    seen?: Int32Array,
  ): Promise<ArrayLike<number>> {
    const { device, vocabulary } = this.model
    this.#uniform.write(Float32Array.from(uniforms))
    if (settings !== this.#packed) this.#settings.write((this.#packed = settings))
    if (seen) {
      this.#seen ??= persistent(() => empty(device, [this.rows, vocabulary], 'i32'))
      this.#seen.write(seen)
    }
    const penalised = seen !== undefined
    const list = this.#draws.get(penalised)
    if (list) device.replay(list)
    else {
      const recorded = device.record(() => scope(() => this.#sample(penalised), this.#arena))
      this.#draws.set(penalised, recorded)
    }
    return this.#token.read()
  }

  /**
   * The error that says why no token could be drawn for sequence `row`: `drawn` is what `draw` gave for it.
   * undefined: its logits are 0, as they should be. `tokens` are the last that each sequence took, after
   * `past` others: they are taken once more, by a copy of the states.
   */
  async fault(
    drawn: number,
    row: number,
    tokens: readonly number[],
    past: readonly number[],
  ): Promise<NumericsError | undefined> {
    const states = this.#states.copy()
    this.#token.write(Int32Array.from(tokens))
    this.#past.write(Int32Array.from(past))
    try {
      const again = (): Tensor => this.model.step(this.#token, states, this.#past)
      return await faultyLogits(drawn === -2 ? 'zeros' : 'not finite', 'generate', again, row)
    } finally {
      states.dispose()
    }
  }

  dispose(): void {
    this.#states.dispose()
    const { logits } = this
    for (const each of [logits, this.#token, this.#past, this.#uniform, this.#settings, this.#seen]) {
      each?.dispose()
    }
    this.#arena.destroy()
  }

  #take(ids: Tensor): void {
    const { logits, states } = this.model.last(ids, { states: this.#states, past: this.#past })
    this.#states.take(states)
    copyInto(this.logits, logits)
  }

  #advance(): void {
    copyInto(this.logits, this.model.step(this.#token, this.#states, this.#past))
  }

  #sample(penalised: boolean): void {
    const seen = penalised ? this.#seen : undefined
    const inputs = { logits: this.logits, uniform: this.#uniform, settings: this.#settings, seen }
    copyInto(this.#token, sample(inputs))
  }
}

/** What `sample` would draw from logits that are all 0, if it took them: any of `vocabulary` tokens. */
export function drawnFromZeros(uniform: number, [temperature]: Float32Array, vocabulary: number): number {
  return temperature > 0 ? Math.min(Math.floor(uniform * vocabulary), vocabulary - 1) : 0
}
