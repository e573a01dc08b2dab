import type { AnyDevice } from '../devices/device.ts'
import type { Bytes } from '../check.ts'
import type { ModelConfig } from '../models/config.ts'
import { liveCheckpoint } from '../models/files/live.ts'
import { Model } from '../models/model.ts'
import { writeFiles, type SaveTarget } from '../models/files/folder.ts'
import type { SaveOptions } from '../models/files/save.ts'
import { joinSpecial } from '../models/files/special.ts'
import type { SpecialTokens } from '../models/published.ts'
import { Stack } from '../models/stack.ts'
import { place } from '../nn/module.ts'
import { bytesIfSo } from '../tokenizers/text/bytes.ts'
import type { Tokenizer } from '../tokenizers/tokenizer.ts'
import { saveSequence } from './saved/lazy.ts'
import { SessionBatch } from './session/batch.ts'
import { expectTokenizer } from './options.ts'
import { readSession, type SessionOptions } from './session/session-options.ts'
import { partsOf, Session } from './session/session.ts'

/** What files say besides weights and tokenizer. */
interface FromFiles {
  readonly special?: SpecialTokens | undefined
  /** Why the tokenizer could not be read. */
  readonly problem?: Error | undefined
}

/** A model that continues texts, and how they become its tokens. Whatever takes a `Model` takes it, too. */
export class LanguageModel extends Model {
  /** Absent: the model takes tokens only. A vocabulary of 256 is that of bytes. */
  readonly tokenizer: Tokenizer | undefined

  override readonly tokenizerProblem: Error | undefined
  override readonly end: readonly number[]
  readonly #special: SpecialTokens

  constructor(
    config: ModelConfig,
    stack: Stack,
    tokenizer?: Tokenizer,
    { special, problem }: FromFiles = {},
  ) {
    super(config, stack)
    this.tokenizer = tokenizer ?? (problem ? undefined : bytesIfSo(config.input))
    this.tokenizerProblem = problem
    this.#special = joinSpecial(this.tokenizer, special)
    this.end = this.#special.end
  }

  /** A language model with initial values drawn from `seed`. */
  static override create(
    config: ModelConfig,
    device: AnyDevice,
    seed = 0,
    tokenizer?: Tokenizer,
  ): LanguageModel {
    return new LanguageModel(config, place(new Stack(config), device, { seed }), tokenizer)
  }

  /**
   * A session: a text that the model reads and continues. With `from`, it goes on from a saved session or
   * another one, which may be of another device; nothing is then read again. The first save or restore of a
   * model computes its fingerprint, for which all weights are read once: some 1 GB a second, and 0.15 in a
   * page without `https:`.
   *
   * @throws StateError if what was saved does not fit, or another model's weights made it: what, expected and
   *   found
   */
  session(options: SessionOptions & { readonly from: Bytes | Session }): Promise<Session>
  session(options?: SessionOptions & { readonly from?: undefined }): Session
  session(options: SessionOptions): Session | Promise<Session>
  session(options: SessionOptions = {}): Session | Promise<Session> {
    this.expectAlive()
    const { from, anyWeights, ...settings } = readSession(options, 'session')
    const session = new Session(this, this.tokenizer, settings)
    return from === undefined ? session : fill(session, from, anyWeights)
  }

  /**
   * Text to token ids. `special` adds the tokens that the tokenizer puts around a text.
   *
   * @throws ConfigError if the model has no tokenizer
   */
  encode(text: string, options?: { readonly special?: boolean }): number[] {
    return expectTokenizer(this.tokenizer, this.tokenizerProblem).encode(text, options)
  }

  /** Sessions of this model, to be continued together. */
  batch(sessions: readonly Session[]): SessionBatch {
    this.expectAlive()
    return new SessionBatch(this, sessions)
  }

  /**
   * Writes model and tokenizer as transformers reads them, and `loadModel` again with the same bits:
   * config.json, safetensors, and the files of the tokenizer. f16 weights stay f16; q8 and q4 weights are
   * written as the f32 values that they stand for, and the A of a GGUF file as A_log, rounded. The model must
   * not change meanwhile.
   *
   * @throws CheckpointError if files of something else are there, or a model in files of other names
   */
  override async save(target: SaveTarget, options: SaveOptions = {}): Promise<void> {
    this.expectAlive()
    const { folderFiles, readSaveOptions } = await import('../models/files/save.ts')
    const read = readSaveOptions(options, 'save')
    const files = folderFiles(liveCheckpoint(this), {
      ...read,
      tokenizer: this.tokenizer,
      special: this.#special,
    })
    return writeFiles(target, files, read)
  }

  /** SHA-256 of configuration and parameters: what a prefix store knows the model by. Computed once. */
  async fingerprint(): Promise<string> {
    this.expectAlive()
    const { fingerprintOf } = await import('./saved/fingerprint.ts')
    return fingerprintOf(this)
  }
}

/** Within one model no weights are compared: their fingerprint is left out, and not computed. */
function copyOf(from: Session, target: Session): Promise<Uint8Array<ArrayBuffer>> {
  const { model, guard, sequence, tokenizer, flow } = partsOf(from)
  if (partsOf(target).model !== model) return from.save()
  const options = { held: flow?.held, named: false }
  return guard.alone(() => guard.running(() => saveSequence({ sequence, tokenizer }, options)))
}

async function fill(session: Session, from: Bytes | Session, anyWeights?: boolean): Promise<Session> {
  try {
    if (from instanceof Session) await session.restore(await copyOf(from, session), { anyWeights })
    else await session.restore(from, { anyWeights })
    return session
  } catch (error) {
    session.dispose()
    throw error
  }
}
