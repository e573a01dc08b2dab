/** How arguments reach the parameters of filters, tests and methods. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'
import { isTrue, kindOf, numberOf, Undefined, type Named, type Value } from './values.ts'

/** What a filter needs of the interpreter. */
export interface Context {
  readonly budget: Budget
  item(object: Value, key: Value): Value
  attribute(object: Value, name: string): Value
  filter(name: string, value: Value, positional: readonly Value[], named: Named): Value
  test(name: string, value: Value, positional: readonly Value[], named: Named): boolean
}

/** The parameters of a filter, and what it makes of a value. */
export type Filter = readonly [
  parameters: readonly string[],
  run: (value: Value, given: Given, context: Context) => Value,
]

/** The arguments of one call, by the names of the parameters. */
export class Given {
  readonly where: string
  readonly #values: ReadonlyMap<string, Value>

  /** Throws Fault for arguments that there are no parameters for. */
  constructor(
    where: string,
    parameters: readonly string[],
    positional: readonly Value[],
    named: Named,
    budget: Budget,
  ) {
    this.where = where
    const values = new Map<string, Value>()
    for (const value of positional) budget.read(value)
    for (const value of named.values()) budget.read(value)
    if (positional.length > parameters.length) {
      throw new Fault(`${where} takes at most ${parameters.length} arguments, found ${positional.length}`)
    }
    for (const [i, value] of positional.entries()) values.set(parameters[i], value)
    for (const [name, value] of named) {
      if (!parameters.includes(name) || values.has(name)) throw new Fault(`${where} takes no ${name}`)
      values.set(name, value)
    }
    this.#values = values
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** Throws Fault if it is not given. */
  value(name: string, otherwise?: Value): Value {
    const value = this.#values.has(name) ? this.#values.get(name) : otherwise
    if (value === undefined) throw new Fault(`${this.where} needs ${name}`)
    return value
  }

  text(name: string, otherwise?: string): string {
    const value = this.value(name, otherwise)
    if (typeof value === 'string') return value
    return this.#wrong(name, 'a text', value)
  }

  /** A text, or undefined for None. */
  optionalText(name: string): string | undefined {
    return this.value(name, null) === null ? undefined : this.text(name)
  }

  /** A whole number that fits. */
  count(name: string, otherwise?: number): number {
    const value = numberOf(this.value(name, otherwise === undefined ? undefined : BigInt(otherwise)))
    if (typeof value === 'bigint' && value >= -(2n ** 31n) && value < 2n ** 31n) return Number(value)
    return this.#wrong(name, 'a whole number', this.value(name))
  }

  flag(name: string, otherwise = false): boolean {
    return isTrue(this.value(name, otherwise))
  }

  #wrong(name: string, expected: string, value: Value): never {
    if (value instanceof Undefined) value.fail()
    throw new Fault(`${this.where}: ${name} is no ${expected.slice(2)}, found ${kindOf(value)}`)
  }
}
