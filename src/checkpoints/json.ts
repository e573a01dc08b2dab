/**
 * JSON that strangers wrote: a parser that says where it stopped, sees duplicate keys, and bounds the depth,
 * none of which `JSON.parse` does. It also reads the numbers that Python writes and JSON lacks.
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

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** Characters that stand for themselves in a string. */
// oxlint-disable-next-line no-control-regex
const PLAIN = /[^"\\\u0000-\u001f]*/y
const HEX4 = /[0-9a-fA-F]{4}/y
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}
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
  return new Parser(text, options).document()
}

/** True for what `{…}` becomes. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `line 3, column 7` of an offset, both from 1. */
export function showPosition(text: string, offset: number): string {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return `line ${line}, column ${offset - before.lastIndexOf('\n')}`
}

class Parser {
  readonly #text: string
  readonly #options: JsonOptions
  readonly #words: readonly (readonly [string, unknown])[]
  #at = 0

  constructor(text: string, options: JsonOptions) {
    this.#text = text
    this.#options = options
    this.#words = options.nonFinite ? [...WORDS, ...NON_FINITE] : WORDS
  }

  document(): unknown {
    const value = this.#value(0)
    this.#match(SPACE)
    if (this.#at < this.#text.length) this.#fail('text after the end of the JSON value')
    return value
  }

  #value(depth: number): unknown {
    if (depth > MAX_DEPTH) this.#fail(`nested deeper than ${MAX_DEPTH}`)
    this.#match(SPACE)
    if (this.#take('{')) return this.#object(depth)
    if (this.#take('[')) return this.#array(depth)
    if (this.#take('"')) return this.#string()
    for (const [word, value] of this.#words) if (this.#take(word)) return value
    const digits = this.#match(NUMBER)
    if (digits === '') this.#fail(this.#at < this.#text.length ? 'not JSON' : 'the JSON text ends early')
    return Number(digits)
  }

  #object(depth: number): unknown {
    const start = this.#at - 1
    const object: JsonObject = {}
    this.#match(SPACE)
    if (!this.#take('}')) {
      do {
        this.#member(object, depth)
        this.#match(SPACE)
      } while (this.#take(','))
      this.#expect('}')
    }
    const { revive } = this.#options
    return revive ? revive(object, start) : object
  }

  #member(object: JsonObject, depth: number): void {
    this.#match(SPACE)
    const keyAt = this.#at
    this.#expect('"')
    const key = this.#string()
    if (this.#options.uniqueKeys && Object.hasOwn(object, key)) {
      this.#options.fail(`the key ${clip(key)} stands twice`, keyAt)
    }
    this.#match(SPACE)
    this.#expect(':')
    // Defined, not assigned: `__proto__` is a key like any other.
    const descriptor = { value: this.#value(depth + 1), enumerable: true, configurable: true, writable: true }
    Object.defineProperty(object, key, descriptor)
  }

  #array(depth: number): unknown[] {
    const list: unknown[] = []
    this.#match(SPACE)
    if (this.#take(']')) return list
    do {
      list.push(this.#value(depth + 1))
      this.#match(SPACE)
    } while (this.#take(','))
    this.#expect(']')
    return list
  }

  /** What follows an opening quote. */
  #string(): string {
    let value = this.#match(PLAIN)
    while (!this.#take('"')) {
      if (!this.#take('\\')) {
        this.#fail(
          this.#at < this.#text.length ? 'control character in a string' : 'the JSON text ends in a string',
        )
      }
      value += this.#escaped() + this.#match(PLAIN)
    }
    return value
  }

  #escaped(): string {
    if (this.#take('u')) {
      const digits = this.#match(HEX4)
      if (digits === '') this.#fail('bad escape in a string')
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    const letter = this.#text.charAt(this.#at)
    if (letter === '' || !Object.hasOwn(ESCAPES, letter)) this.#fail('bad escape in a string')
    this.#at++
    return ESCAPES[letter]
  }

  /** Takes what the sticky pattern matches here, or nothing. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }

  #take(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false
    this.#at += word.length
    return true
  }

  #expect(mark: string): void {
    if (!this.#take(mark))
      this.#fail(this.#at < this.#text.length ? `not JSON: expected ${mark}` : 'the JSON text ends early')
  }

  #fail(rule: string): never {
    return this.#options.fail(rule, this.#at)
  }
}

/** A name from a file, short enough for a message. */
export function clip(name: string): string {
  return name.length > 120 ? `${name.slice(0, 117)}...` : name
}
