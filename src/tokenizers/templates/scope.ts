/** Names and their values, and what a loop knows of itself. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'
import { areEqual } from './order.ts'
import { Callable, known, type Fields, type Value } from './values.ts'

/** A block with names of its own, within another one. */
export class Scope {
  readonly #values = new Map<string, Value>()
  readonly #outer: Scope | undefined

  constructor(outer?: Scope) {
    this.#outer = outer
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value)
  }

  get(name: string): Value | undefined {
    // oxlint-disable-next-line typescript/no-this-alias, unicorn/no-this-assignment -- a walk outwards
    for (let scope: Scope | undefined = this; scope; scope = scope.#outer) {
      const value = scope.#values.get(name)
      if (value !== undefined) return value
    }
    return undefined
  }
}

/** `loop`: elements are taken as the loop comes to them, so that a condition sees what its body did. */
export class Loop implements Fields {
  readonly #rest: Iterator<Value>
  readonly #budget: Budget
  readonly #depth: number
  readonly call: Callable['run'] | undefined
  #before: Value | undefined
  #current: Value | undefined
  #ahead: Value[] = []
  #index = -1
  #changed: readonly Value[] | undefined

  constructor(
    elements: Iterable<Value>,
    depth: number,
    budget: Budget,
    recurse: Callable['run'] | undefined,
  ) {
    this.#rest = elements[Symbol.iterator]()
    this.#depth = depth
    this.#budget = budget
    this.call = recurse
  }

  /** The next element, which becomes the current one. */
  next(): Value | undefined {
    const next = this.#ahead.length > 0 ? this.#ahead.shift() : this.#pull()
    if (next === undefined) return undefined
    this.#before = this.#current
    this.#current = next
    this.#index++
    return next
  }

  field(name: string): Value | undefined {
    const index = BigInt(this.#index)
    switch (name) {
      case 'index':
        return index + 1n
      case 'index0':
        return index
      case 'first':
        return this.#index === 0
      case 'last':
        return this.#peek() === undefined
      case 'previtem':
        return known(this.#before, 'the previous item')
      case 'nextitem':
        return known(this.#peek(), 'the next item')
      case 'length':
        return this.#length()
      case 'revindex':
        return this.#length() - index
      case 'revindex0':
        return this.#length() - index - 1n
      case 'depth':
        return BigInt(this.#depth + 1)
      case 'depth0':
        return BigInt(this.#depth)
      case 'cycle':
        return new Callable('cycle', (values) => {
          if (values.length === 0) throw new Fault('loop.cycle() of nothing')
          return values[this.#index % values.length]
        })
      case 'changed':
        return new Callable('changed', (values) => this.#hasChanged(values))
      default:
        return undefined
    }
  }

  #hasChanged(values: readonly Value[]): boolean {
    const same = this.#changed !== undefined && areEqual(this.#changed, values, this.#budget)
    this.#changed = values
    return !same
  }

  #pull(): Value | undefined {
    const { value, done } = this.#rest.next()
    return done ? undefined : value
  }

  #peek(): Value | undefined {
    if (this.#ahead.length === 0) {
      const next = this.#pull()
      if (next !== undefined) this.#ahead.push(next)
    }
    return this.#ahead[0]
  }

  #length(): bigint {
    for (let next = this.#pull(); next !== undefined; next = this.#pull()) this.#ahead.push(next)
    return BigInt(this.#index + 1 + this.#ahead.length)
  }
}
