/** Tokens to expressions, by the grammar of jinja2. */
import { Fault } from './budget.ts'
import type { Token, TokenType } from './lexer.ts'

import type { AppliedFilter, Arguments, Call, Expression } from './nodes.ts'

/** Parentheses within parentheses, blocks within blocks. */
const MAX_DEPTH = 100
const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>='])
export const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
])

const END: Token = { type: 'end', value: '', line: 0 }
const NOTHING: Arguments = { positional: [], named: [] }

/** What parses expressions; a parser of statements goes on from it. */
export class ExpressionParser {
  protected readonly tokens: readonly Token[]
  protected at = 0
  #depth = 0
  /** Names in the macros around. */
  protected names: Set<string>[] = []

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens
  }

  protected get token(): Token {
    return this.tokens[this.at] ?? END
  }

  /** Whether the token is this one. */
  protected is(type: TokenType, value?: string, ahead = 0): boolean {
    const token = this.tokens[this.at + ahead] as Token | undefined
    return token?.type === type && (value === undefined || token.value === value)
  }

  protected skip(type: TokenType, value?: string): boolean {
    if (!this.is(type, value)) return false
    this.at++
    return true
  }

  protected expect(type: TokenType, value?: string): string {
    const token = this.token
    if (!this.skip(type, value))
      this.fail(`expected ${value ?? (type === 'end' ? 'the end of the tag' : type)}`)
    return token.value
  }

  protected fail(rule: string): never {
    const token = this.tokens[this.at] as Token | undefined
    const last = this.tokens.at(-1)?.line ?? 1
    throw new Fault(
      `line ${token?.line ?? last}: ${rule}${token ? `, found ${token.value || token.type}` : ''}`,
    )
  }

  protected within<T>(body: () => T): T {
    if (++this.#depth > MAX_DEPTH) this.fail('it is nested too deeply')
    const result = body()
    this.#depth--
    return result
  }

  protected applied(): AppliedFilter {
    let name = this.expect('name')
    while (this.skip('operator', '.')) name += `.${this.expect('name')}`
    return { name, call: this.is('operator', '(') ? this.#arguments() : NOTHING }
  }

  /** One expression, or several with commas: a tuple. */
  protected tuple(choice = true, parenthesised = false): Expression {
    const items: Expression[] = []
    let several = false
    for (;;) {
      if (items.length > 0) this.expect('operator', ',')
      if (this.is('end') || this.is('operator', ')') || (!choice && this.is('name', 'recursive'))) break
      items.push(choice ? this.expression() : this.#or())
      if (!this.is('operator', ',')) break
      several = true
    }
    if (several) return { type: 'tuple', items }
    if (items.length === 0 && !parenthesised) this.fail('expected an expression')
    return items.length === 0 ? { type: 'tuple', items } : items[0]
  }

  protected expression(): Expression {
    return this.within(() => {
      let value = this.#or()
      while (this.skip('name', 'if')) {
        const test = this.#or()
        const no = this.skip('name', 'else') ? this.expression() : undefined
        value = { type: 'choice', test, yes: value, no }
      }
      return value
    })
  }

  /** Operators of one rank, from the left. */
  #chain(operand: () => Expression, type: TokenType, operators: readonly string[]): Expression {
    let left = operand()
    while (this.is(type) && operators.includes(this.token.value)) {
      const operator = this.token.value
      this.at++
      left = { type: 'binary', operator, left, right: operand() }
    }
    return left
  }

  #or(): Expression {
    return this.#chain(() => this.#chain(() => this.#not(), 'name', ['and']), 'name', ['or'])
  }

  #not(): Expression {
    if (!this.skip('name', 'not')) return this.#comparison()
    return { type: 'unary', operator: 'not', value: this.within(() => this.#not()) }
  }

  #comparison(): Expression {
    const first = this.#sum()
    const rest: [string, Expression][] = []
    for (;;) {
      let operator: string | undefined
      if (this.is('operator') && COMPARISONS.has(this.token.value)) operator = this.expect('operator')
      else if (this.skip('name', 'in')) operator = 'in'
      else if (this.is('name', 'not') && this.is('name', 'in', 1)) {
        this.at += 2
        operator = 'not in'
      }
      if (operator === undefined) break
      rest.push([operator, this.#sum()])
    }
    return rest.length === 0 ? first : { type: 'compare', first, rest }
  }

  #sum(): Expression {
    return this.#chain(() => this.#concat(), 'operator', ['+', '-'])
  }

  #concat(): Expression {
    const parts = [this.#product()]
    while (this.skip('operator', '~')) parts.push(this.#product())
    return parts.length === 1 ? parts[0] : { type: 'concat', parts }
  }

  #product(): Expression {
    const power = (): Expression => this.#chain(() => this.unary(), 'operator', ['**'])
    return this.#chain(power, 'operator', ['*', '/', '//', '%'])
  }

  protected unary(filters = true): Expression {
    let value: Expression
    if (this.is('operator', '-') || this.is('operator', '+')) {
      const operator = this.expect('operator') as '-' | '+'
      value = { type: 'unary', operator, value: this.within(() => this.unary(false)) }
    } else value = this.#primary()
    value = this.#postfix(value)
    for (;;) {
      if (filters && this.skip('operator', '|')) value = { type: 'filter', value, ...this.applied() }
      else if (filters && this.skip('name', 'is')) value = this.#test(value)
      else if (filters && this.is('operator', '(')) value = this.#call(value)
      else return value
    }
  }

  #primary(): Expression {
    const { type, value } = this.token
    this.at++
    if (type === 'name') {
      if (CONSTANTS.has(value)) return { type: 'constant', value: CONSTANTS.get(value)! }
      for (const names of this.names) names.add(value)
      return { type: 'name', name: value }
    }
    if (type === 'string') {
      let text = value
      while (this.is('string')) text += this.expect('string')
      return { type: 'constant', value: text }
    }
    if (type === 'integer') return { type: 'constant', value: BigInt(value) }
    if (type === 'float') return { type: 'constant', value: Number(value) }
    if (type === 'operator') {
      if (value === '(') return this.#parenthesised()
      if (value === '[') return { type: 'list', items: this.#items(']', () => this.expression()) }
      if (value === '{') return { type: 'dict', pairs: this.#items('}', () => this.#pair()) }
    }
    this.at--
    return this.fail('expected an expression')
  }

  #parenthesised(): Expression {
    const inner = this.within(() => this.tuple(true, true))
    this.expect('operator', ')')
    return inner
  }

  #pair(): readonly [Expression, Expression] {
    const key = this.expression()
    this.expect('operator', ':')
    return [key, this.expression()]
  }

  /** What stands between commas; the last one may have one, too. */
  #items<T>(end: string, item: () => T): T[] {
    const items: T[] = []
    while (!this.skip('operator', end)) {
      if (items.length > 0) this.expect('operator', ',')
      if (this.skip('operator', end)) break
      items.push(item())
    }
    return items
  }

  #postfix(value: Expression): Expression {
    let object = value
    for (;;) {
      if (this.skip('operator', '.')) {
        object = this.is('integer')
          ? { type: 'item', object, key: { type: 'constant', value: BigInt(this.expect('integer')) } }
          : { type: 'attribute', object, name: this.expect('name') }
      } else if (this.skip('operator', '[')) object = this.#subscript(object)
      else if (this.is('operator', '(')) object = this.#call(object)
      else return object
    }
  }

  #subscript(object: Expression): Expression {
    const ends = (): boolean => [':', ',', ']'].some((end) => this.is('operator', end))
    const bounds: (Expression | undefined)[] = [ends() ? undefined : this.expression()]
    while (this.skip('operator', ':')) bounds.push(ends() ? undefined : this.expression())
    if (this.is('operator', ',')) this.fail('a key of several parts')
    this.expect('operator', ']')
    const [key] = bounds
    if (bounds.length > 1) return { type: 'slice', object, bounds }
    if (!key) this.fail('expected an expression')
    return { type: 'item', object, key }
  }

  #call(callee: Expression): Call {
    return { type: 'call', callee, call: this.#arguments() }
  }

  #arguments(): Arguments {
    const positional: Expression[] = []
    const named: [string, Expression][] = []
    let [list, dict]: (Expression | undefined)[] = []
    this.expect('operator', '(')
    let first = true
    while (!this.skip('operator', ')')) {
      if (!first) this.expect('operator', ',')
      if (!first && this.skip('operator', ')')) break
      first = false
      if (this.skip('operator', '*')) list = this.expression()
      else if (this.skip('operator', '**')) dict = this.expression()
      else if (this.is('name') && this.is('operator', '=', 1)) {
        const name = this.expect('name')
        this.at++
        named.push([name, this.expression()])
      } else {
        if (named.length > 0 || list || dict) this.fail('a value without a name follows one with it')
        positional.push(this.expression())
      }
    }
    return { positional, named, list, dict }
  }

  #test(value: Expression): Expression {
    const negated = this.skip('name', 'not')
    let name = this.expect('name')
    while (this.skip('operator', '.')) name += `.${this.expect('name')}`
    let call = NOTHING
    if (this.is('operator', '(')) call = this.#arguments()
    else if (this.#beginsOperand()) {
      if (this.is('name', 'is')) this.fail('tests cannot follow one another')
      call = { positional: [this.#postfix(this.#primary())], named: [] }
    }
    const test: Expression = { type: 'test', name, value, call }
    return negated ? { type: 'unary', operator: 'not', value: test } : test
  }

  #beginsOperand(): boolean {
    const { type, value } = this.token
    if (type === 'name') return !['else', 'or', 'and'].includes(value)
    return (
      ['string', 'integer', 'float'].includes(type) || (type === 'operator' && ['[', '{'].includes(value))
    )
  }
}
