import type { LaunchList } from '../devices/device.ts'
import { ConfigError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import type { State } from '../nn/module.ts'
import { copyInto, zeros } from '../ops/elementwise/index.ts'
import { sample } from '../ops/sample/index.ts'
import { Random } from '../tensor/random.ts'
import { persistent, scope } from '../tensor/scope.ts'
import { empty, tensor, type Tensor } from '../tensor/tensor.ts'
import { packSettings, type SamplingSettings } from './settings.ts'

/** Prompts go in by pieces of this many tokens, so that memory does not grow with their length. */
const PIECE = 512

export interface GenerateOptions extends SamplingSettings {
  /** Default: 256. */
  readonly maxTokens?: number
  /** Tokens that end the text; they are not given out. */
  readonly stopTokens?: readonly number[]
  /** Most positions that attention layers keep: prompt and new tokens. Default: as many as this call needs. */
  readonly capacity?: number
}

/**
 * Continues a prompt token by token. The prompt is read in one pass (in pieces, carrying the state); every further token is one
 * replayed launch list: constant time and memory, however long the text.
 */
export async function* generateTokens(
  model: Model,
  prompt: readonly number[],
  options: GenerateOptions = {},
): AsyncGenerator<number, void, void> {
  const { maxTokens = 256, stopTokens = [], capacity = prompt.length + maxTokens, seed = 0 } = options
  if (prompt.length === 0)
    throw new ConfigError('the prompt is empty', { where: 'generate', hint: 'Give at least one token' })
  const decoder = new Decoder(model, options, capacity)
  const random = new Random(seed)
  try {
    let token = await decoder.read(prompt, random.uniform())
    for (let count = 1; ; count++) {
      if (stopTokens.includes(token)) return
      yield token
      if (count >= maxTokens) return
      token = await decoder.step(random.uniform())
    }
  } finally {
    decoder.dispose()
  }
}

/** A model, its state, and the recorded step that turns one token into the next. */
class Decoder {
  readonly #model: Model
  readonly #states: readonly State[]
  readonly #arena
  readonly #token: Tensor
  readonly #uniform: Tensor
  readonly #settings: Tensor
  readonly #past: Tensor
  /** Counts of tokens that occurred, kept on the host and written before each step; only if repetition is penalised. */
  readonly #seen: { readonly counts: Int32Array; readonly tensor: Tensor } | undefined
  #positions = 0
  #step: LaunchList | undefined

  constructor(model: Model, settings: SamplingSettings, capacity: number) {
    const { device, vocabulary } = model
    const packed = packSettings(settings)
    this.#model = model
    this.#states = model.createStates(1, capacity)
    this.#arena = device.createArena()
    const made = persistent(() => ({
      token: zeros(device, [1], 'i32'),
      uniform: empty(device, [1]),
      settings: tensor(device, packed),
      past: tensor(device, Int32Array.of(0)),
      seen: (settings.repetitionPenalty ?? 1) === 1 ? undefined : zeros(device, [1, vocabulary], 'i32'),
    }))
    this.#token = made.token
    this.#uniform = made.uniform
    this.#settings = made.settings
    this.#past = made.past
    this.#seen = made.seen && { counts: new Int32Array(vocabulary), tensor: made.seen }
  }

  /** Takes in tokens; returns the one drawn to follow them. */
  async read(tokens: readonly number[], uniform: number): Promise<number> {
    for (let start = 0; start < tokens.length; start += PIECE) {
      const piece = tokens.slice(start, start + PIECE)
      const ids = persistent(() => this.#model.tokens([piece]))
      this.#past.write(Int32Array.of(this.#positions))
      if (start + PIECE >= tokens.length) this.#writeDraw(uniform, tokens)
      scope(() => this.#take(ids))
      ids.dispose()
      this.#positions += piece.length
    }
    return this.#token.item()
  }

  /** Feeds the last token back; returns the next. */
  async step(uniform: number): Promise<number> {
    this.#past.write(Int32Array.of(this.#positions++))
    this.#writeDraw(uniform, [])
    const { device } = this.#model
    if (this.#step) device.replay(this.#step)
    else this.#step = device.record(() => scope(() => this.#decode(), this.#arena))
    const token = await this.#token.item()
    if (this.#seen) this.#seen.counts[token]++
    return token
  }

  dispose(): void {
    const states = this.#states.flatMap((state) => Object.values(state))
    for (const each of [
      this.#token,
      this.#uniform,
      this.#settings,
      this.#past,
      this.#seen?.tensor,
      ...states,
    ]) {
      each?.dispose()
    }
    this.#arena.destroy()
  }

  #take(ids: Tensor): void {
    const { logits, states } = this.#model.last(ids, { states: this.#states, past: this.#past })
    for (const [i, state] of this.#states.entries()) {
      for (const [name, kept] of Object.entries(state)) {
        const next = states[i][name]
        if (next !== kept) copyInto(kept, next)
      }
    }
    this.#draw(logits)
  }

  #decode(): void {
    this.#draw(this.#model.step(this.#token, this.#states, this.#past))
  }

  #draw(logits: Tensor): void {
    const inputs = { logits, uniform: this.#uniform, settings: this.#settings, seen: this.#seen?.tensor }
    copyInto(this.#token, sample(inputs))
  }

  #writeDraw(uniform: number, tokens: readonly number[]): void {
    this.#uniform.write(Float32Array.of(uniform))
    if (!this.#seen) return
    for (const token of tokens) this.#seen.counts[token]++
    this.#seen.tensor.write(this.#seen.counts)
  }
}
