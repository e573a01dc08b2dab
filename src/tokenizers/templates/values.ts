/** The values of templates: those of Python. Lists never change, as in the sandbox of jinja2. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'
import { charactersOf, textLength } from './text.ts'

/** Whole numbers are bigints, floats are numbers. */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly Value[]
  | Tuple
  | Dict
  | Range
  | Stream
  | View
  | Namespace
  | Callable
  | Fields
  | Undefined

export class Tuple {
  readonly items: readonly Value[]

  constructor(items: readonly Value[]) {
    this.items = items
  }
}

/** Keys that are equal in Python are one: 1, 1.0 and True. */
export class Dict {
  readonly #entries = new Map<string, readonly [Value, Value]>()

  get size(): number {
    return this.#entries.size
  }

  /** Throws Fault for a key that Python has no hash of. */
  set(key: Value, value: Value, budget: Budget): void {
    const name = keyOf(key, budget)
    const before = this.#entries.get(name)
    this.#entries.set(name, [before ? before[0] : key, value])
  }

  get(key: Value, budget: Budget): Value | undefined {
    return this.#entries.get(keyOf(key, budget))?.[1]
  }

  has(key: Value, budget: Budget): boolean {
    return this.#entries.has(keyOf(key, budget))
  }

  entries(): (readonly [Value, Value])[] {
    return [...this.#entries.values()]
  }
}

export class Range {
  readonly start: bigint
  readonly stop: bigint
  readonly step: bigint
  readonly length: number

  constructor(start: bigint, stop: bigint, step: bigint) {
    if (step === 0n) throw new Fault('range() by steps of zero')
    const distance = step > 0n ? stop - start : start - stop
    const size = step > 0n ? step : -step
    const length = distance > 0n ? (distance + size - 1n) / size : 0n
    // The sandbox of jinja2 has the same bound.
    if (length > 100_000n) throw new Fault('range() makes too long a list: at most 100000')
    this.start = start
    this.stop = stop
    this.step = step
    this.length = Number(length)
  }

  at(index: number): Value {
    return this.start + BigInt(index) * this.step
  }
}

/** What can only be gone through, as a generator of Python, though it is known at once. */
export class Stream {
  readonly #items: readonly Value[]
  #taken = false

  constructor(items: readonly Value[]) {
    this.#items = items
  }

  /** The second time there is nothing. */
  take(): readonly Value[] {
    if (this.#taken) return []
    this.#taken = true
    return this.#items
  }
}

/** `dict.items()`, `keys()`, `values()`. */
export class View {
  readonly kind: string
  readonly items: readonly Value[]

  constructor(kind: string, items: readonly Value[]) {
    this.kind = kind
    this.items = items
  }
}

/** What `namespace()` gives: its fields can be set. */
export class Namespace {
  readonly fields = new Map<string, Value>()
}

/** Something with fields of its own, as `loop`. */
export interface Fields {
  field(name: string): Value | undefined
  call?: Callable['run']
}

export const isFields = (value: Value): value is Fields =>
  typeof value === 'object' && value !== null && 'field' in value

export type Named = ReadonlyMap<string, Value>

export class Callable {
  readonly name: string
  readonly run: (positional: readonly Value[], named: Named) => Value

  constructor(name: string, run: Callable['run']) {
    this.name = name
    this.run = run
  }
}

export class Undefined {
  /** What is not there. */
  readonly what: string

  constructor(what: string) {
    this.what = what
  }

  fail(): never {
    throw new Fault(`${this.what} is undefined`)
  }
}

/** A value, which may be None, or an undefined one that says what is not there. */
export const known = (value: Value | undefined, what: string): Value =>
  value === undefined ? new Undefined(what) : value

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value)

const KINDS: Readonly<Record<string, string>> = {
  string: 'str',
  bigint: 'int',
  number: 'float',
  boolean: 'bool',
}

/** What a value is called in errors. */
export function kindOf(value: Value): string {
  if (value === null) return 'None'
  if (value instanceof Undefined) return 'undefined'
  if (isList(value)) return 'list'
  const kind = KINDS[typeof value]
  return kind ?? (value as object).constructor.name.toLowerCase()
}

export function isTrue(value: Value): boolean {
  if (value === null || value === false || value === '' || value === 0n || value === 0) return false
  if (value instanceof Undefined) return false
  if (isList(value)) return value.length > 0
  if (value instanceof Tuple || value instanceof View) return value.items.length > 0
  if (value instanceof Dict) return value.size > 0
  return value instanceof Range ? value.length > 0 : true
}

/** The elements of what can be gone through. */
export function elementsOf(value: Value, budget: Budget): readonly Value[] {
  budget.read(value)
  if (typeof value === 'string') budget.take(value.length / 2)
  if (value instanceof Range) budget.take(value.length)
  const elements = knownElements(value)
  if (elements === undefined) throw new Fault(`${kindOf(value)} cannot be gone through`)
  budget.take(elements.length)
  return typeof elements === 'string' ? Array.from(elements) : elements
}

/** undefined: there are none. */
function knownElements(value: Value): readonly Value[] | string | undefined {
  if (typeof value === 'string') return charactersOf(value)
  if (isList(value)) return value
  if (value instanceof Tuple || value instanceof View) return value.items
  if (value instanceof Dict) return value.entries().map(([key]) => key)
  if (value instanceof Range) return Array.from({ length: value.length }, (_, i) => value.at(i))
  if (value instanceof Stream) return value.take()
  return value instanceof Undefined ? [] : undefined
}

/** Whether there are elements, which are not taken. */
export const isIterable = (value: Value): boolean =>
  typeof value === 'string' ||
  isList(value) ||
  [Tuple, View, Dict, Range, Stream, Undefined].some((each) => value instanceof each)

/** Throws Fault for what has no length. */
export function lengthOf(value: Value): number {
  if (typeof value === 'string') return textLength(value)
  if (isList(value)) return value.length
  if (value instanceof Tuple || value instanceof View) return value.items.length
  if (value instanceof Dict) return value.size
  if (value instanceof Range) return value.length
  if (value instanceof Undefined) return 0
  throw new Fault(`${kindOf(value)} has no length`)
}

/** What numbers are in arithmetic: truth values count. undefined: no number. */
export function numberOf(value: Value): bigint | number | undefined {
  if (typeof value === 'boolean') return value ? 1n : 0n
  return typeof value === 'bigint' || typeof value === 'number' ? value : undefined
}

/** An equal value of Python has an equal key. */
function keyOf(value: Value, budget: Budget): string {
  if (typeof value === 'string') {
    budget.scan(value.length)
    return `s${value}`
  }
  const number = numberOf(value)
  if (typeof number === 'bigint') return `n${number}`
  if (typeof number === 'number') return Number.isInteger(number) ? `n${BigInt(number)}` : `n${number}`
  if (value === null) return 'None'
  if (value instanceof Tuple) {
    const keys = budget.within(() => value.items.map((item) => keyOf(item, budget)))
    const text = `(${keys.map((key) => `${key.length}:${key}`).join()})`
    budget.make(text.length)
    return text
  }
  if (value instanceof Undefined) return value.fail()
  throw new Fault(`${kindOf(value)} cannot be a key`)
}
