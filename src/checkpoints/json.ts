/**
 * JSON that strangers wrote: a reader that says where it stopped, sees duplicate keys, and bounds depth and
 * memory, none of which `JSON.parse` does. It also reads the numbers that Python writes and JSON lacks.
 */

export interface JsonOptions {
  /** Called with what is wrong and the offset it was found at. */
  readonly fail: (rule: string, offset: number) => never
  /** Reads a bare `NaN`, `Infinity` and `-Infinity`. */
  readonly nonFinite?: boolean
  /** Refuses an object with the same key twice; else the last value stays, as in `JSON.parse`. */
  readonly uniqueKeys?: boolean
  /** What an object becomes once it is complete. */
  readonly revive?: (object: JsonObject, offset: number) => unknown
}

export type JsonObject = Record<string, unknown>

/** Deeper nesting than this is refused; so does the safetensors library. */
const MAX_DEPTH = 128
/** Values may take this much memory for each character of the text, and this much more. */
const MEMORY_PER_CHARACTER = 8
const MEMORY = 64 * 2 ** 20
/** Bytes of memory that values take, by measurement of V8: an empty object, a member of one, … */
const COST = { object: 56, member: 48, array: 48, element: 8, text: 24, number: 12 } as const

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const HEX4 = /[0-9a-fA-F]{4}/y
const ESCAPED = new Set(Array.from('"\\/bfnrt', (letter) => letter.charCodeAt(0)))
const WORDS: readonly (readonly [string, unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]
const NON_FINITE: readonly (readonly [string, unknown])[] = [
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]

/** The value of a JSON text. */
export function parseJson(text: string, options: JsonOptions): unknown {
  const reader = new JsonReader(text, options)
  const value = reader.value()
  reader.end()
  return value
}

/** True for what `{…}` becomes. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `line 3, column 7` of an offset, both from 1. */
export function showPosition(text: string, offset: number): string {
  let line = 1
  let start = 0
  for (;;) {
    const end = text.indexOf('\n', start)
    if (end < 0 || end >= offset) return `line ${line}, column ${offset - start + 1}`
    line++
    start = end + 1
  }
}

/** Reads a JSON text from its start: whole values, or member by member without keeping them. */
export class JsonReader {
  readonly #text: string
  readonly #options: JsonOptions
  readonly #words: readonly (readonly [string, unknown])[]
  #at = 0
  #depth = 0
  #memory: number

  constructor(text: string, options: JsonOptions) {
    this.#text = text
    this.#options = options
    this.#words = options.nonFinite ? [...WORDS, ...NON_FINITE] : WORDS
    this.#memory = MEMORY + MEMORY_PER_CHARACTER * text.length
  }

  /** Offset of what comes next. */
  get offset(): number {
    this.#space()
    return this.#at
  }

  /** Whether an object comes next. */
  get atObject(): boolean {
    return this.#text.charCodeAt(this.offset) === OPEN_BRACE
  }

  /** Refuses text after the value. */
  end(): void {
    if (this.offset < this.#text.length) this.fail('text after the end of the JSON value')
  }

  fail(rule: string, offset = this.#at): never {
    return this.#options.fail(rule, offset)
  }

  /** Reads an object: calls `member` at each key, which must read the value. */
  members(member: (key: string, offset: number) => void): void {
    this.#expect(OPEN_BRACE)
    this.#deeper()
    if (!this.#take(CLOSE_BRACE)) {
      do {
        const keyAt = this.offset
        this.#expect(QUOTE)
        const key = this.#string()
        this.#expect(COLON)
        member(key, keyAt)
      } while (this.#take(COMMA))
      this.#expect(CLOSE_BRACE)
    }
    this.#depth--
  }

  /** Reads a value and keeps nothing of it. */
  skip(): void {
    const code = this.#text.charCodeAt(this.offset)
    if (code === OPEN_BRACE) this.members(() => this.skip())
    else if (code === OPEN_BRACKET) this.#elements(() => this.skip())
    else if (this.#take(QUOTE)) this.#string()
    else this.#plain()
  }

  /** Reads a value. */
  value(): unknown {
    const code = this.#text.charCodeAt(this.offset)
    if (code === OPEN_BRACE) return this.#object()
    if (code === OPEN_BRACKET) return this.#array()
    if (code !== QUOTE) return this.#plain()
    this.#at++
    const text = this.#string()
    this.#spend(COST.text + text.length)
    return text
  }

  #object(): unknown {
    const { revive, uniqueKeys } = this.#options
    const start = this.#at
    const object: JsonObject = {}
    this.#spend(COST.object)
    this.members((key, keyAt) => {
      if (uniqueKeys && Object.hasOwn(object, key)) this.fail(`the key ${clip(key)} stands twice`, keyAt)
      this.#spend(COST.member + key.length)
      const value = this.value()
      // Defined, not assigned: `__proto__` is a key like any other.
      Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
    })
    return revive ? revive(object, start) : object
  }

  #array(): unknown[] {
    const list: unknown[] = []
    this.#spend(COST.array)
    this.#elements(() => {
      this.#spend(COST.element)
      list.push(this.value())
    })
    return list
  }

  #elements(element: () => void): void {
    this.#expect(OPEN_BRACKET)
    this.#deeper()
    if (!this.#take(CLOSE_BRACKET)) {
      do element()
      while (this.#take(COMMA))
      this.#expect(CLOSE_BRACKET)
    }
    this.#depth--
  }

  /** A number or a word. */
  #plain(): unknown {
    const start = this.#at
    const digit = this.#digits(start)
    if (digit !== undefined) return digit
    NUMBER.lastIndex = start
    if (NUMBER.test(this.#text)) {
      this.#at = NUMBER.lastIndex
      this.#spend(COST.number)
      return Number(this.#text.slice(start, this.#at))
    }
    for (const [word, value] of this.#words) {
      if (!this.#text.startsWith(word, start)) continue
      this.#at += word.length
      return value
    }
    return this.fail(start < this.#text.length ? 'not JSON' : 'the JSON text ends early')
  }

  /** A count without sign, point and exponent, as nearly all numbers are. */
  #digits(start: number): number | undefined {
    let value = 0
    let at = start
    let code = this.#text.charCodeAt(at)
    if (code === ZERO) return undefined
    for (; code >= ZERO && code <= NINE && at - start < 15; code = this.#text.charCodeAt(++at)) {
      value = 10 * value + code - ZERO
    }
    if (at === start || (code >= ZERO && code <= NINE) || code === POINT || (code | 0x20) === LETTER_E) {
      return undefined
    }
    this.#at = at
    return value
  }

  /** What follows an opening quote. Escapes are checked here, and resolved at once, by the platform. */
  #string(): string {
    const text = this.#text
    const start = this.#at
    let escapes = false
    for (let at = start; ; at++) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) {
        this.#at = at + 1
        return escapes ? (JSON.parse(text.slice(start - 1, at + 1)) as string) : text.slice(start, at)
      }
      if (code === BACKSLASH) {
        escapes = true
        at = this.#escape(at + 1)
      } else if (!(code >= 0x20)) {
        this.fail(at < text.length ? 'control character in a string' : 'the JSON text ends in a string', at)
      }
    }
  }

  /** The offset of the last character of an escape. */
  #escape(at: number): number {
    const code = this.#text.charCodeAt(at)
    if (code === LETTER_U) {
      HEX4.lastIndex = at + 1
      if (HEX4.test(this.#text)) return at + 4
    } else if (ESCAPED.has(code)) return at
    return this.fail('bad escape in a string', at)
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.offset) !== code) return false
    this.#at++
    return true
  }

  #expect(code: number): void {
    if (this.#take(code)) return
    const inside = this.#at < this.#text.length
    this.fail(inside ? `not JSON: expected ${String.fromCharCode(code)}` : 'the JSON text ends early')
  }

  #deeper(): void {
    if (++this.#depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH}`)
  }

  #spend(bytes: number): void {
    this.#memory -= bytes
    if (this.#memory < 0) this.fail('the values take far more memory than their text')
  }
}

const QUOTE = 0x22
const COMMA = 0x2c
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const LETTER_E = 0x65
const LETTER_U = 0x75
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** A name from a file, short enough for a message. */
export function clip(name: string): string {
  return name.length > 120 ? `${name.slice(0, 117)}...` : name
}
