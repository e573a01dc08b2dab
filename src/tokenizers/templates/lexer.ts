/** A template as tokens, as jinja2 does with trim_blocks and lstrip_blocks, which transformers sets. */
import { Fault } from './budget.ts'

import { SPACES } from './text.ts'

export type TokenType = 'text' | 'name' | 'string' | 'integer' | 'float' | 'operator' | 'begin' | 'end'

export interface Token {
  readonly type: TokenType
  /** Of `begin` and `end`: `block` or `variable`. */
  readonly value: string
  readonly line: number
}

const SPACE = new RegExp(`[${SPACES}]*`, 'y')
const ONLY_SPACE = new RegExp(`^[${SPACES}]+$`)
const LAST_SPACE = new RegExp(`[${SPACES}]$`)
const RAW = new RegExp(`([-+]?)[${SPACES}]*raw[${SPACES}]*(?:-%\\}[${SPACES}]*|%\\})`, 'y')
const END_RAW = new RegExp(
  `\\{%([-+]?)[${SPACES}]*endraw[${SPACES}]*(?:\\+%\\}|-%\\}[${SPACES}]*|%\\}\\n?)`,
  'g',
)
const FLOAT = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy
const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy
const STRING = /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/y
const OPERATOR = /\*\*|\/\/|==|!=|>=|<=|[-+/*%~[\](){}<>=.:|,]/y

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

export function tokenize(template: string): Token[] {
  return new Lexer(template.replaceAll(/\r\n?/g, '\n').replace(/\n$/, '')).run()
}

class Lexer {
  readonly #source: string
  readonly #tokens: Token[] = []
  #at = 0
  #line = 1
  /** How far lines were counted. */
  #counted = 0

  constructor(source: string) {
    this.#source = source
  }

  run(): Token[] {
    while (this.#at < this.#source.length) this.#text()
    return this.#tokens
  }

  /** Text, and the tag that ends it. */
  #text(): void {
    const source = this.#source
    const from = this.#at
    let open = source.indexOf('{', from)
    while (open >= 0 && !'%{#'.includes(source.charAt(open + 1) || ' ')) open = source.indexOf('{', open + 1)
    if (open < 0) {
      this.#push('text', source.slice(from), from)
      this.#at = source.length
      return
    }
    const kind = source[open + 1]
    const sign = source[open + 2]
    this.#push('text', this.#before(from, open, sign, kind !== '{'), from)
    this.#at = open + 2 + (sign === '-' || sign === '+' ? 1 : 0)
    if (kind === '#') return this.#comment(open)
    if (kind === '%' && this.#raw(open)) return
    this.#push('begin', kind === '%' ? 'block' : 'variable', open)
    this.#inside(kind === '%' ? '%}' : '}}', open)
  }

  /** The text up to a tag, without the space that the tag takes. */
  #before(from: number, to: number, sign: string | undefined, strips: boolean): string {
    const text = this.#source.slice(from, to)
    if (sign === '-') return trimEnd(text)
    if (sign === '+' || !strips) return text
    const line = text.lastIndexOf('\n') + 1
    const begins = line > 0 || from === 0 || this.#source[from - 1] === '\n'
    return begins && ONLY_SPACE.test(text.slice(line)) ? text.slice(0, line) : text
  }

  #comment(open: number): void {
    const end = this.#source.indexOf('#}', this.#at)
    if (end < 0) this.#fail('a comment has no end', open)
    const sign = this.#source[end - 1]
    this.#at = end + 2
    this.#after(sign === '-' && end > open + 2 ? '-' : sign === '+' && end > open + 2 ? '+' : '', true)
  }

  /** A block whose content is text, if one begins here. */
  #raw(open: number): boolean {
    RAW.lastIndex = open + 2
    if (!RAW.test(this.#source)) return false
    END_RAW.lastIndex = RAW.lastIndex
    const end = END_RAW.exec(this.#source)
    if (!end) this.#fail('a raw block has no end', open)
    const text = this.#before(RAW.lastIndex, end.index, end[1], true)
    this.#push('text', text, RAW.lastIndex)
    this.#at = END_RAW.lastIndex
    return true
  }

  /** What a tag holds, up to its end. */
  #inside(end: string, open: number): void {
    const source = this.#source
    const brackets: string[] = []
    for (;;) {
      this.#at = endOf(SPACE, source, this.#at)
      if (this.#at >= source.length) this.#fail('a tag has no end', open)
      if (brackets.length === 0) {
        const sign = source[this.#at]
        const signed =
          (sign === '-' || (sign === '+' && end === '%}')) && source.startsWith(end, this.#at + 1)
        if (signed || source.startsWith(end, this.#at)) {
          this.#push('end', '', this.#at)
          this.#at += end.length + (signed ? 1 : 0)
          return this.#after(signed ? sign : '', end === '%}')
        }
      }
      const token = this.#token()
      if (token in CLOSING) brackets.push(CLOSING[token])
      else if (/^[)\]}]$/.test(token) && brackets.pop() !== token) this.#fail(`unexpected ${token}`, this.#at)
    }
  }

  /** Drops the space that the end of a tag takes. */
  #after(sign: string, trims: boolean): void {
    if (sign === '-') this.#at = endOf(SPACE, this.#source, this.#at)
    else if (sign === '' && trims && this.#source[this.#at] === '\n') this.#at++
  }

  /** Takes a token; gives its text if it is an operator. */
  #token(): string {
    const from = this.#at
    const take = (pattern: RegExp): string | undefined => {
      const to = endOf(pattern, this.#source, from)
      if (to === from) return undefined
      this.#at = to
      return this.#source.slice(from, to)
    }
    const afterDot = this.#source[from - 1] === '.'
    const float = afterDot ? undefined : take(FLOAT)
    if (float !== undefined) return this.#push('float', float.replaceAll('_', ''), from)
    const integer = take(INTEGER)
    if (integer !== undefined) return this.#push('integer', integer.replaceAll('_', ''), from)
    const name = take(NAME)
    if (name !== undefined) return this.#push('name', name, from)
    const string = take(STRING)
    if (string !== undefined) return this.#push('string', this.#unescape(string.slice(1, -1), from), from)
    const operator = take(OPERATOR)
    if (operator === undefined) this.#fail(`unexpected ${this.#source[from]}`, from)
    this.#push('operator', operator, from)
    return operator
  }

  #unescape(text: string, at: number): string {
    return text.replaceAll(ESCAPE, (whole, code: string) => {
      const plain = ESCAPES[code]
      if (plain !== undefined) return plain
      if (/^[xuU]./.test(code)) {
        const point = Number.parseInt(code.slice(1), 16)
        return point <= 0x10_ff_ff ? String.fromCodePoint(point) : this.#fail('not a character', at)
      }
      if (/^[0-7]/.test(code)) return String.fromCodePoint(Number.parseInt(code, 8))
      return /^[xuUN]/.test(code) ? this.#fail(`unknown escape ${whole}`, at) : whole
    })
  }

  #push(type: TokenType, value: string, at: number): string {
    for (; this.#counted < at; this.#counted++) if (this.#source[this.#counted] === '\n') this.#line++
    if (type !== 'text' || value !== '') this.#tokens.push({ type, value, line: this.#line })
    return ''
  }

  #fail(rule: string, at: number): never {
    throw new Fault(`line ${this.#source.slice(0, at).split('\n').length}: ${rule}`)
  }
}

/** Those of Python's string literals. */
const ESCAPE = /\\(\n|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{1,3}|[\s\S])/g
const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

function endOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  return pattern.test(text) ? pattern.lastIndex : from
}

function trimEnd(text: string): string {
  let end = text.length
  while (end > 0 && LAST_SPACE.test(text[end - 1])) end--
  return text.slice(0, end)
}
