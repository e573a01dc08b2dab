/** Runs a template: its statements, within a budget. */
import { Fault, Refusal } from './budget.ts'
import { Evaluator } from './evaluator.ts'
import type { AppliedFilter, Expression, MacroBody, Statement, Target } from './nodes.ts'
import { Loop, Scope } from './scope.ts'
import { textOf } from './show.ts'
import {
  Callable,
  Dict,
  elementsOf,
  isTrue,
  known,
  Namespace,
  Tuple,
  Undefined,
  type Value,
} from './values.ts'

/** What follows a statement, if it is not the next one. */
type Leap = 'break' | 'continue' | undefined

export class Interpreter extends Evaluator {
  /** Pieces of the text that is being made. */
  #output: string[] = []

  /** The text that a template makes. Throws Fault with the line that failed. */
  run(template: readonly Statement[], globals: Scope): string {
    try {
      return this.#captured(() => this.#all(template, new Scope(globals)))
    } catch (cause) {
      if (!(cause instanceof Fault) || cause instanceof Refusal) throw cause
      throw new Fault(`line ${this.line}: ${cause.message}`, { cause })
    }
  }

  #captured(body: () => unknown): string {
    const outer = this.#output
    this.#output = []
    try {
      body()
      const length = this.#output.reduce((sum, piece) => sum + piece.length, 0)
      this.budget.make(length)
      return this.#output.join('')
    } finally {
      this.#output = outer
    }
  }

  #write(text: string): void {
    this.budget.make(text.length)
    this.#output.push(text)
  }

  #all(statements: readonly Statement[], scope: Scope): Leap {
    for (const statement of statements) {
      this.line = statement.line
      const leap = this.#statement(statement, scope)
      if (leap) return leap
    }
    return undefined
  }

  #statement(statement: Statement, scope: Scope): Leap {
    this.budget.take(1)
    switch (statement.type) {
      case 'text':
        this.#write(statement.text)
        return undefined
      case 'output':
        this.#write(textOf(this.value(statement.value, scope), this.budget))
        return undefined
      case 'if': {
        const taken = statement.branches.find(([test]) => !test || isTrue(this.value(test, scope)))
        return taken && this.budget.within(() => this.#all(taken[1], scope))
      }
      case 'for':
        return this.budget.within(() => this.#for(statement, scope, statement.iterable, 0))
      case 'break':
      case 'continue':
        return statement.type
      case 'set':
        this.#assign(statement.target, this.value(statement.value, scope), scope)
        return undefined
      case 'set-block': {
        const text = this.#block(statement.body, new Scope(scope))
        this.#assign(statement.target, this.#filtered(text, statement.filters, scope), scope)
        return undefined
      }
      case 'filter-block':
        this.#write(
          textOf(
            this.#filtered(this.#block(statement.body, new Scope(scope)), statement.filters, scope),
            this.budget,
          ),
        )
        return undefined
      case 'with': {
        const inner = new Scope(scope)
        for (const [target, value] of statement.values) this.#assign(target, this.value(value, scope), inner)
        return this.budget.within(() => this.#all(statement.body, inner))
      }
      case 'scope':
        this.#write(this.#block(statement.body, new Scope(scope)))
        return undefined
      case 'macro':
        scope.set(statement.name, this.#macro(statement.name, statement.macro, scope))
        return undefined
      case 'call-block': {
        const caller = this.#macro('caller', statement.macro, scope)
        this.#write(textOf(this.call(statement.call.callee, statement.call.call, scope, caller), this.budget))
        return undefined
      }
      default:
        return statement satisfies never
    }
  }

  #block(body: readonly Statement[], scope: Scope): string {
    return this.budget.within(() => this.#captured(() => this.#all(body, scope)))
  }

  #filtered(text: Value, filters: readonly AppliedFilter[], scope: Scope): Value {
    return filters.reduce((value, { name, call }) => {
      const { positional, named } = this.arguments(call, scope)
      return this.filter(name, value, positional, named)
    }, text)
  }

  #for(
    statement: Extract<Statement, { type: 'for' }>,
    scope: Scope,
    iterable: Expression | Value,
    depth: number,
  ): undefined {
    const { target, body, otherwise, test, recursive } = statement
    const source = isExpression(iterable) ? this.value(iterable, scope) : iterable
    const elements = elementsOf(source, this.budget)
    const recurse = (given: readonly Value[]): Value =>
      this.budget.within(() =>
        this.#captured(() =>
          this.#for(statement, scope, known(given[0], 'the argument of loop()'), depth + 1),
        ),
      )
    const passing = test ? this.#passing(elements, test, target, scope) : elements
    const loop = new Loop(passing, depth, this.budget, recursive ? recurse : undefined)
    let any = false
    for (let element = loop.next(); element !== undefined; element = loop.next()) {
      any = true
      this.budget.take(1)
      const inner = new Scope(scope)
      inner.set('loop', loop)
      this.#assign(target, element, inner)
      if (this.#all(body, inner) === 'break') return
    }
    if (!any) this.#all(otherwise, new Scope(scope))
  }

  *#passing(elements: readonly Value[], test: Expression, target: Target, scope: Scope): Iterable<Value> {
    for (const element of elements) {
      const inner = new Scope(scope)
      this.#assign(target, element, inner)
      if (isTrue(this.value(test, inner))) yield element
    }
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    this.budget.take(1)
    if (target.type === 'name') return scope.set(target.name, value)
    if (target.type === 'field') {
      const object = scope.get(target.object)
      if (!(object instanceof Namespace))
        throw new Fault(`${target.object} is no namespace: it has no fields to set`)
      object.fields.set(target.name, value)
      return
    }
    const elements = elementsOf(value, this.budget)
    const { items } = target
    if (elements.length !== items.length) {
      throw new Fault(`${items.length} names for ${elements.length} values`)
    }
    for (const [i, each] of items.entries()) this.#assign(each, elements[i], scope)
  }

  #macro(name: string, { parameters, body, names }: MacroBody, outer: Scope): Callable {
    return new Callable(name, (positional, named) => {
      const scope = new Scope(outer)
      const left = new Map(named)
      for (const [i, parameter] of parameters.entries()) {
        const given = i < positional.length ? positional[i] : left.get(parameter.name)
        if (i < positional.length && left.has(parameter.name))
          throw new Fault(`${name}() has two values for ${parameter.name}`)
        left.delete(parameter.name)
        const otherwise = (): Value =>
          parameter.default
            ? this.value(parameter.default, scope)
            : new Undefined(`the parameter ${parameter.name}`)
        scope.set(parameter.name, given === undefined ? otherwise() : given)
      }
      this.#extras(name, names, positional.slice(parameters.length), left, scope)
      return this.#block(body, scope)
    })
  }

  /** What a macro is given beyond its parameters: it must ask for it. */
  #extras(
    name: string,
    names: ReadonlySet<string>,
    positional: readonly Value[],
    named: Map<string, Value>,
    scope: Scope,
  ): void {
    if (names.has('caller')) {
      scope.set('caller', known(named.get('caller'), 'caller'))
      named.delete('caller')
    }
    if (names.has('varargs')) scope.set('varargs', new Tuple(positional))
    else if (positional.length > 0) throw new Fault(`${name}() has too many values`)
    if (names.has('kwargs')) {
      const dict = new Dict()
      for (const [key, value] of named) dict.set(key, value, this.budget)
      scope.set('kwargs', dict)
    } else if (named.size > 0) throw new Fault(`${name}() takes no ${[...named.keys()].join(', ')}`)
  }
}

const isExpression = (value: Expression | Value): value is Expression =>
  typeof value === 'object' && value !== null && 'type' in value
