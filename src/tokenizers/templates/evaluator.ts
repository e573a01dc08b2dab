/** Evaluates the expressions of a template, within a budget. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'
import type { Context } from './call.ts'
import { applyFilter } from './filters.ts'

import { methodOf } from './methods.ts'
import type { Arguments, Expression } from './nodes.ts'
import { elementAt, negate, operate, sliceOf } from './operators.ts'
import { areEqual, compare } from './order.ts'
import type { Scope } from './scope.ts'
import { textOf } from './show.ts'
import { applyTest, contains } from './tests.ts'
import {
  Callable,
  Dict,
  elementsOf,
  isFields,
  isTrue,
  kindOf,
  known,
  Namespace,
  Tuple,
  Undefined,
  type Value,
} from './values.ts'

/** What knows values; what runs statements goes on from it. */
export class Evaluator implements Context {
  readonly budget: Budget
  protected line = 0

  constructor(budget: Budget) {
    this.budget = budget
  }

  protected value(expression: Expression, scope: Scope): Value {
    this.budget.take(1)
    return this.budget.within(() => this.#evaluate(expression, scope))
  }

  #evaluate(expression: Expression, scope: Scope): Value {
    switch (expression.type) {
      case 'constant':
        return expression.value
      case 'name':
        return known(scope.get(expression.name), expression.name)
      case 'list':
        return expression.items.map((item) => this.value(item, scope))
      case 'tuple':
        return new Tuple(expression.items.map((item) => this.value(item, scope)))
      case 'dict': {
        const dict = new Dict()
        for (const [key, value] of expression.pairs) {
          dict.set(this.value(key, scope), this.value(value, scope), this.budget)
        }
        return dict
      }
      case 'attribute':
        return this.attribute(this.value(expression.object, scope), expression.name, true)
      case 'item':
        return this.item(this.value(expression.object, scope), this.value(expression.key, scope))
      case 'slice': {
        const bounds = expression.bounds.map((bound) => (bound ? this.value(bound, scope) : null))
        return sliceOf(this.value(expression.object, scope), bounds, this.budget)
      }
      case 'call':
        return this.call(expression.callee, expression.call, scope)
      case 'filter': {
        const value = this.value(expression.value, scope)
        const { positional, named } = this.arguments(expression.call, scope)
        return this.filter(expression.name, value, positional, named)
      }
      case 'test': {
        const value = this.value(expression.value, scope)
        const { positional, named } = this.arguments(expression.call, scope)
        return this.test(expression.name, value, positional, named)
      }
      case 'unary': {
        const value = this.value(expression.value, scope)
        if (expression.operator === 'not') return !isTrue(value)
        return expression.operator === '-' ? negate(value) : operate('+', 0n, value, this.budget)
      }
      case 'binary':
        return this.#binary(expression, scope)
      case 'concat': {
        const texts = expression.parts.map((part) => textOf(this.value(part, scope), this.budget))
        this.budget.make(texts.reduce((sum, each) => sum + each.length, 0))
        return texts.join('')
      }
      case 'compare':
        return this.#compare(expression, scope)
      case 'choice':
        if (isTrue(this.value(expression.test, scope))) return this.value(expression.yes, scope)
        return expression.no ? this.value(expression.no, scope) : new Undefined('what has no else')
      default:
        return expression satisfies never
    }
  }

  #binary({ operator, left, right }: Extract<Expression, { type: 'binary' }>, scope: Scope): Value {
    const value = this.value(left, scope)
    if (operator === 'and') return isTrue(value) ? this.value(right, scope) : value
    if (operator === 'or') return isTrue(value) ? value : this.value(right, scope)
    return operate(operator, value, this.value(right, scope), this.budget)
  }

  /** Comparisons one after the other hold if each of them does. */
  #compare({ first, rest }: Extract<Expression, { type: 'compare' }>, scope: Scope): boolean {
    let left = this.value(first, scope)
    return rest.every(([operator, expression]) => {
      const right = this.value(expression, scope)
      const holds = this.#holds(operator, left, right)
      left = right
      return holds
    })
  }

  #holds(operator: string, left: Value, right: Value): boolean {
    switch (operator) {
      case '==':
        return areEqual(left, right, this.budget)
      case '!=':
        return !areEqual(left, right, this.budget)
      case 'in':
        return contains(right, left, this)
      case 'not in':
        return !contains(right, left, this)
      case '<':
        return compare(left, right, this.budget) < 0
      case '<=':
        return compare(left, right, this.budget) <= 0
      case '>':
        return compare(left, right, this.budget) > 0
      default:
        return compare(left, right, this.budget) >= 0
    }
  }

  protected call(callee: Expression, call: Arguments, scope: Scope, caller?: Callable): Value {
    const value = this.value(callee, scope)
    const { positional, named } = this.arguments(call, scope)
    if (caller) named.set('caller', caller)
    const line = this.line
    const run = value instanceof Callable ? value.run : isFields(value) ? value.call : undefined
    if (value instanceof Undefined) value.fail()
    if (!run) throw new Fault(`${kindOf(value)} cannot be called`)
    const result = run(positional, named)
    this.line = line
    return result
  }

  protected arguments(
    call: Arguments,
    scope: Scope,
  ): { readonly positional: Value[]; readonly named: Map<string, Value> } {
    const positional = call.positional.map((value) => this.value(value, scope))
    const named = new Map<string, Value>()
    for (const [name, value] of call.named) named.set(name, this.value(value, scope))
    if (call.list) positional.push(...elementsOf(this.value(call.list, scope), this.budget))
    if (call.dict) {
      const dict = this.value(call.dict, scope)
      if (!(dict instanceof Dict)) throw new Fault(`** of ${kindOf(dict)}`)
      for (const [key, value] of dict.entries()) named.set(textOf(key, this.budget), value)
    }
    return { positional, named }
  }

  /** `object.name`, or, with `items`, what stands under it as a key. */
  attribute(object: Value, name: string, items = false): Value {
    if (object instanceof Undefined) object.fail()
    const found =
      object instanceof Namespace
        ? object.fields.get(name)
        : isFields(object)
          ? object.field(name)
          : methodOf(object, name, this.budget)
    if (found !== undefined) return found
    const item = items && object instanceof Dict ? object.get(name, this.budget) : undefined
    return known(item, `${kindOf(object)}.${name}`)
  }

  /** `object[key]`, or else the attribute of that name. */
  item(object: Value, key: Value): Value {
    if (object instanceof Undefined) object.fail()
    if (object instanceof Dict) {
      const found = key instanceof Undefined ? undefined : object.get(key, this.budget)
      if (found !== undefined) return found
    } else if (typeof key === 'bigint' || typeof key === 'boolean') {
      const found = elementAt(object, BigInt(key), this.budget)
      if (found !== undefined) return found
    }
    if (typeof key === 'string') return this.attribute(object, key)
    return new Undefined(`${kindOf(object)}[${kindOf(key)}]`)
  }

  filter(name: string, value: Value, positional: readonly Value[], named: ReadonlyMap<string, Value>): Value {
    return applyFilter(name, value, positional, named, this)
  }

  test(name: string, value: Value, positional: readonly Value[], named: ReadonlyMap<string, Value>): boolean {
    return applyTest(name, value, positional, named, this)
  }
}
