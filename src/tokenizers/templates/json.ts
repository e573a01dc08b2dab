/** `json.dumps` of Python, as transformers' filter `tojson` calls it. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'
import { compare } from './order.ts'

import { floatText } from './text.ts'
import { Dict, isList, kindOf, numberOf, Tuple, type Value } from './values.ts'

export interface JsonOptions {
  readonly ascii: boolean
  /** What a level is indented with. */
  readonly indent: string | undefined
  readonly separators: readonly [item: string, key: string]
  readonly sortKeys: boolean
}

// oxlint-disable-next-line no-control-regex
const SPECIAL = /["\\\u0000-\u001f]/g
// oxlint-disable-next-line no-control-regex
const NOT_ASCII = /["\\\u0000-\u001f]|[^\u0000-\u007f]/g
const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b',
}

export function toJson(value: Value, options: JsonOptions, budget: Budget): string {
  return new Writer(options, budget).write(value, 1)
}

class Writer {
  readonly #options: JsonOptions
  readonly #budget: Budget

  constructor(options: JsonOptions, budget: Budget) {
    this.#options = options
    this.#budget = budget
  }

  write(value: Value, level: number): string {
    this.#budget.take(1)
    if (typeof value === 'string') return this.#text(value)
    if (value === null) return 'null'
    if (typeof value === 'boolean') return String(value)
    const number = numberOf(value)
    if (number !== undefined) return this.#made(numberText(number))
    const items = isList(value) ? value : value instanceof Tuple ? value.items : undefined
    if (items) {
      return this.#nested('[]', level, () => items.map((item) => this.write(item, level + 1)))
    }
    if (value instanceof Dict) return this.#nested('{}', level, () => this.#pairs(value, level + 1))
    throw new Fault(`${kindOf(value)} has no JSON`)
  }

  #pairs(dict: Dict, level: number): string[] {
    const { separators, sortKeys } = this.#options
    const entries = dict.entries().map(([key, value]) => [keyText(key), value] as const)
    this.#budget.take(entries.length)
    if (sortKeys) entries.sort(([a], [b]) => compare(a, b, this.#budget))
    return entries.map(([key, value]) => this.#text(key) + separators[1] + this.write(value, level))
  }

  #nested([open, close]: string, level: number, write: () => string[]): string {
    const { indent, separators } = this.#options
    const parts = this.#budget.within(write)
    if (parts.length === 0 || indent === undefined)
      return this.#made(open + parts.join(separators[0]) + close)
    const line = `\n${indent.repeat(level)}`
    this.#budget.make(parts.length * line.length)
    return this.#made(
      `${open}${line}${parts.join(separators[0] + line)}\n${indent.repeat(level - 1)}${close}`,
    )
  }

  #text(text: string): string {
    this.#budget.scan(text.length)
    const escaped = text.replaceAll(
      this.#options.ascii ? NOT_ASCII : SPECIAL,
      (unit) => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    return this.#made(`"${escaped}"`)
  }

  #made(text: string): string {
    this.#budget.make(text.length)
    return text
  }
}

function numberText(number: bigint | number): string {
  if (typeof number === 'bigint') return String(number)
  if (Number.isFinite(number)) return floatText(number)
  return Number.isNaN(number) ? 'NaN' : number > 0 ? 'Infinity' : '-Infinity'
}

function keyText(key: Value): string {
  if (typeof key === 'string') return key
  if (key === null) return 'null'
  if (typeof key === 'boolean') return String(key)
  const number = numberOf(key)
  if (number !== undefined) return numberText(number)
  throw new Fault(`${kindOf(key)} is no key of JSON`)
}
