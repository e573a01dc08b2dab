/** The keys of a GGUF file that are about its tokenizer. */
import { clip, type JsonObject } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'

type Metadata = ReadonlyMap<string, unknown>

/** Kinds of tokens, by llama.cpp's numbers. */
export const NORMAL = 1
export const UNKNOWN = 2
export const CONTROL = 3
export const USER_DEFINED = 4
/** A place in the vocabulary that no text leads to, and that has none. */
export const UNUSED = 5
export const BYTE = 6

export const PREFIX = 'tokenizer.ggml.'
interface Tokens {
  readonly texts: readonly string[]
  readonly kinds: readonly number[]
  readonly vocabulary: ReadonlyMap<string, number>
  /** The version, and what is looked for in a text before it is split. */
  readonly parts: JsonObject
}

/** Metadata that is looked up, and refused where it is not what it should be. */
export class GgufKeys {
  readonly #metadata: Metadata
  readonly #file: string

  constructor(metadata: Metadata, file: string) {
    this.#metadata = metadata
    this.#file = file
  }

  at(key: string): string {
    return `${this.#file}: ${key}`
  }

  text(key: string): string | undefined {
    const value = this.#metadata.get(key)
    if (value === undefined || typeof value === 'string') return value
    return this.#refuse(key, 'text', typeof value)
  }

  flag(name: string): boolean | undefined {
    const value = this.#metadata.get(PREFIX + name)
    if (value === undefined || typeof value === 'boolean') return value
    return this.#refuse(PREFIX + name, 'true or false', typeof value)
  }

  texts(name: string): readonly string[] {
    const value = this.#metadata.get(PREFIX + name)
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value
    return this.#refuse(PREFIX + name, 'a list of texts', value === undefined ? 'nothing' : typeof value)
  }

  numbers(name: string, length: number): readonly number[] {
    const value = this.#metadata.get(PREFIX + name)
    const list: readonly unknown[] | undefined = Array.isArray(value)
      ? value
      : ArrayBuffer.isView(value)
        ? Array.from(value as Float64Array)
        : undefined
    if (list?.length === length && list.every((each) => typeof each === 'number' && !Number.isNaN(each))) {
      return list as readonly number[]
    }
    return this.#refuse(PREFIX + name, `${length} numbers`, list ? `${list.length} values` : 'nothing')
  }

  /** A token's id; it must be one. */
  id(name: string): number | undefined {
    const id = this.#metadata.get(PREFIX + name)
    if (id === undefined) return undefined
    const tokens = this.#metadata.get(`${PREFIX}tokens`)
    const most = Array.isArray(tokens) ? tokens.length - 1 : Infinity
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= most) return id
    return this.#refuse(PREFIX + name, `0 to ${most}`, JSON.stringify(id))
  }

  tokens(): Tokens {
    const texts = this.texts('tokens')
    const kinds = this.#metadata.has(`${PREFIX}token_type`)
      ? this.numbers('token_type', texts.length)
      : this.#guessedKinds(texts.length)
    const vocabulary = new Map<string, number>()
    for (const [id, text] of texts.entries()) {
      if (kinds[id] === UNUSED) continue
      if (vocabulary.has(text)) this.#refuse(`${PREFIX}tokens`, 'each token once', clip(text))
      vocabulary.set(text, id)
    }
    const added_tokens = texts.flatMap((content, id) => {
      const special = kinds[id] === CONTROL || kinds[id] === UNKNOWN
      return special || kinds[id] === USER_DEFINED ? [{ id, content, ...ALONE, special }] : []
    })
    const parts = { version: '1.0', truncation: null, padding: null, added_tokens }
    return { texts, kinds, vocabulary, parts }
  }

  /** Old files do not say what tokens are: what they name is special. */
  #guessedKinds(length: number): number[] {
    const kinds = Array.from({ length }, () => NORMAL)
    for (const name of ['bos_token_id', 'eos_token_id', 'padding_token_id']) {
      const id = this.id(name)
      if (id !== undefined) kinds[id] = CONTROL
    }
    const unknown = this.id('unknown_token_id')
    if (unknown !== undefined) kinds[unknown] = UNKNOWN
    return kinds
  }

  /** Puts the first and last token around a text, where the file asks for it. */
  template(begins: boolean): JsonObject {
    const begin = (this.flag('add_bos_token') ?? begins) ? this.id('bos_token_id') : undefined
    const end = (this.flag('add_eos_token') ?? false) ? this.id('eos_token_id') : undefined
    const around = (sequence: string, type_id: number): JsonObject[] => [
      ...(begin === undefined ? [] : [{ SpecialToken: { id: 'begin', type_id } }]),
      { Sequence: { id: sequence, type_id } },
      ...(end === undefined ? [] : [{ SpecialToken: { id: 'end', type_id } }]),
    ]
    const named = (id: string, token: number | undefined): JsonObject =>
      token === undefined ? {} : { [id]: { id, ids: [token], tokens: [this.texts('tokens')[token]] } }
    return {
      type: 'TemplateProcessing',
      single: around('A', 0),
      pair: [...around('A', 0), ...around('B', 1)],
      special_tokens: { ...named('begin', begin), ...named('end', end) },
    }
  }

  refuseModel(model: string | undefined): never {
    return this.#refuse(`${PREFIX}model`, 'gpt2 or llama', clip(model ?? ''))
  }

  #refuse(key: string, expected: string, found: string): never {
    throw new CheckpointError('this tokenizer is not read', { where: this.at(key), expected, found })
  }
}

/** How added tokens are found: wherever they stand. */
const ALONE = { single_word: false, lstrip: false, rstrip: false, normalized: false }
