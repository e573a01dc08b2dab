/** The steps of decoders. */
import { BYTE_LETTERS } from './byte-letters.ts'
import { characterState, utf8Bytes, Utf8Text } from './utf8.ts'

/**
 * Takes tokens, gives those that have become certain. What is absent is at what changes nothing, as in
 * `TextPipe`.
 */
export interface Step {
  push(token: string): readonly string[]
  finish?(): readonly string[]
  readonly holds?: number
  readonly unchanged?: boolean
  readonly settled?: boolean
}

/** A step that looks at one token at a time. */
export const each = (map: (token: string) => string): Step => ({ push: (token) => [map(token)] })

/** One that treats the first token otherwise. */
export function first(begin: (token: string) => string, then: (token: string) => string): Step {
  let settled = false
  return {
    push(token) {
      const text = settled ? then(token) : begin(token)
      settled = true
      return [text]
    },
    get settled() {
      return settled
    },
  }
}

export const spaced = (): Step =>
  first(
    (token) => token,
    (token) => ` ${token}`,
  )

/** `token` without up to `start` and `stop` times `content` at its ends. */
export function strip(token: string, content: string, start: number, stop: number): string {
  let [from, to] = [0, token.length]
  for (let i = 0; i < start && token.startsWith(content, from); i++) from += content.length
  for (let i = 0; i < stop && to > from && token.endsWith(content, to); i++) to -= content.length
  return token.slice(from, to)
}

/** The beginning of a text that comes in pieces, without up to `left` times `content`. */
export class StripBeginning implements Step {
  readonly #content: string
  #left: number

  constructor(content: string, left: number) {
    this.#content = content
    this.#left = left
  }

  get settled(): boolean {
    return this.#left === 0
  }

  push(piece: string): readonly string[] {
    let from = 0
    while (this.#left > 0 && from < piece.length) {
      if (piece.startsWith(this.#content, from)) {
        from += this.#content.length
        this.#left--
      } else this.#left = 0
    }
    return [piece.slice(from)]
  }
}

const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  BYTE_LETTERS.map((letter, byte) => [letter, byte]),
)

/** A token with any other character (added ones may have spaces) stands for itself. */
function bytesOfToken(token: string): ArrayLike<number> {
  const bytes: number[] = []
  for (const character of token) {
    const byte = BYTE_OF_CHARACTER.get(character)
    if (byte === undefined) return utf8Bytes(token)
    bytes.push(byte)
  }
  return bytes
}

export class ByteLevel implements Step {
  readonly #text = new Utf8Text()
  /** Bytes of the latest tokens, as many tokens as the bytes that are held are from. */
  #lengths: number[] = []
  unchanged = false

  get holds(): number {
    return this.#lengths.length
  }

  push(token: string): readonly string[] {
    const bytes = bytesOfToken(token)
    this.unchanged = bytes.length === 0
    if (this.unchanged) return []
    const text = this.#text.push(bytes)
    const lengths: number[] = []
    for (const length of [bytes.length, ...this.#lengths]) {
      if (sum(lengths) < this.#text.held) lengths.push(length)
    }
    this.#lengths = lengths
    return [text]
  }

  finish(): readonly string[] {
    return [this.#text.finish()]
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0)

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/
const REPLACEMENT = '\uFFFD'

/**
 * Tokens `<0xNN>` that follow each other are a run of bytes: its text if all of it is UTF-8, else U+FFFD for
 * every byte. A run is thus uncertain until it ends, or breaks.
 */
export class ByteFallback implements Step {
  #run: number[] = []
  /** The character at the end of the run that is not complete; of a broken run, the bytes that broke it. */
  #character: number[] = []
  #broken = false
  unchanged = false

  get holds(): number {
    return this.#broken ? this.#character.length : this.#run.length
  }

  push(token: string): readonly string[] {
    const digits = BYTE_TOKEN.exec(token)?.[1]
    this.unchanged = digits !== undefined && this.#broken
    if (this.unchanged) return [REPLACEMENT]
    if (digits === undefined) return [...this.finish(), token]
    const byte = Number.parseInt(digits, 16)
    this.#run.push(byte)
    this.#character.push(byte)
    const state = characterState(this.#character)
    if (state === 'whole') this.#character = []
    if (state !== 'broken') return []
    return this.#break()
  }

  finish(): readonly string[] {
    const text =
      this.#character.length > 0 ? this.#break() : this.#run.length > 0 ? [fromUtf8(this.#run)] : []
    this.#run = []
    this.#character = []
    this.#broken = false
    return text
  }

  #break(): readonly string[] {
    this.#broken = true
    const text = this.#run.map(() => REPLACEMENT)
    this.#run = []
    return text
  }
}

const fromUtf8 = (bytes: readonly number[]): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))
