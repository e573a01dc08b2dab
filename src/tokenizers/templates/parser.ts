/** Tokens to a syntax tree, by the grammar of jinja2. */
import { CONSTANTS, ExpressionParser } from './expressions.ts'
import { tokenize } from './lexer.ts'
import type { AppliedFilter, Expression, MacroBody, Statement, Target } from './nodes.ts'

/** The statements of a template. Throws Fault with the line that is wrong. */
export function parse(template: string): readonly Statement[] {
  return new Parser(tokenize(template)).template()
}

class Parser extends ExpressionParser {
  template(): readonly Statement[] {
    const body = this.#body([])
    return body
  }

  /** Statements up to one of the tags, which is not taken. */
  #body(ends: readonly string[]): Statement[] {
    const statements: Statement[] = []
    while (this.at < this.tokens.length) {
      const { type, value, line } = this.token
      if (type === 'text') {
        this.at++
        statements.push({ type: 'text', text: value, line })
      } else if (value === 'variable') {
        this.at++
        const output = this.tuple()
        this.expect('end')
        statements.push({ type: 'output', value: output, line })
      } else {
        if (ends.some((end) => this.is('name', end, 1))) return statements
        this.at++
        statements.push(this.within(() => ({ ...this.#statement(), line }) as Statement))
      }
    }
    if (ends.length > 0) this.fail(`expected ${ends.join(' or ')}`)
    return statements
  }

  /** The body of a block, and its last tag. */
  #block(end: string): Statement[] {
    this.expect('end')
    const body = this.#body([end])
    this.#close(end)
    return body
  }

  #close(end: string): void {
    this.expect('begin', 'block')
    this.expect('name', end)
    this.expect('end')
  }

  #statement(): Partial<Statement> {
    const name = this.expect('name')
    switch (name) {
      case 'if':
        return this.#if()
      case 'for':
        return this.#for()
      case 'set':
        return this.#set()
      case 'with':
        return this.#with()
      case 'macro':
        return this.#macro()
      case 'call':
        return this.#callBlock()
      case 'filter': {
        const filters = this.#filters()
        return { type: 'filter-block', filters, body: this.#block('endfilter') }
      }
      case 'generation':
        return { type: 'scope', body: this.#block('endgeneration') }
      case 'break':
      case 'continue':
        this.expect('end')
        return { type: name }
      default:
        this.at--
        return this.fail('an unknown statement')
    }
  }

  #if(): Partial<Statement> {
    const branches: [Expression | undefined, readonly Statement[]][] = []
    for (;;) {
      const test = this.tuple(false)
      this.expect('end')
      branches.push([test, this.#body(['elif', 'else', 'endif'])])
      this.expect('begin', 'block')
      const end = this.expect('name')
      if (end === 'elif') continue
      this.expect('end')
      if (end === 'else') {
        branches.push([undefined, this.#body(['endif'])])
        this.#close('endif')
      }
      return { type: 'if', branches }
    }
  }

  #for(): Partial<Statement> {
    const target = this.#target('in')
    this.expect('name', 'in')
    const iterable = this.tuple(false)
    const test = this.skip('name', 'if') ? this.expression() : undefined
    const recursive = this.skip('name', 'recursive')
    this.expect('end')
    const body = this.#body(['endfor', 'else'])
    let otherwise: readonly Statement[] = []
    if (this.is('name', 'else', 1)) {
      this.at += 2
      this.expect('end')
      otherwise = this.#body(['endfor'])
    }
    this.#close('endfor')
    return { type: 'for', target, iterable, test, recursive, body, otherwise }
  }

  #set(): Partial<Statement> {
    const target = this.#target()
    if (this.skip('operator', '=')) {
      const value = this.tuple()
      this.expect('end')
      return { type: 'set', target, value }
    }
    const filters = this.is('operator', '|') ? (this.at++, this.#filters()) : []
    return { type: 'set-block', target, filters, body: this.#block('endset') }
  }

  #with(): Partial<Statement> {
    const values: [Target, Expression][] = []
    while (!this.is('end')) {
      if (values.length > 0) this.expect('operator', ',')
      const target = this.#target()
      this.expect('operator', '=')
      values.push([target, this.expression()])
    }
    return { type: 'with', values, body: this.#block('endwith') }
  }

  #macro(): Partial<Statement> {
    const name = this.expect('name')
    return { type: 'macro', name, macro: this.#macroBody('endmacro', true) }
  }

  #callBlock(): Partial<Statement> {
    const names = new Set<string>()
    const parameters = this.is('operator', '(') ? this.#parameters(names) : []
    const call = this.unary()
    if (call.type !== 'call') this.fail('expected a call')
    return { type: 'call-block', call, macro: this.#macroBody('endcall', false, parameters, names) }
  }

  #macroBody(
    end: string,
    signature: boolean,
    given: MacroBody['parameters'] = [],
    names = new Set<string>(),
  ): MacroBody {
    const parameters = signature ? this.#parameters(names) : given
    this.names.push(names)
    const body = this.#block(end)
    this.names.pop()
    // What a macro within asks for, the one around it may have to give.
    for (const around of this.names) for (const name of names) around.add(name)
    return { parameters, body, names }
  }

  #parameters(names: Set<string>): MacroBody['parameters'] {
    const parameters: { name: string; default: Expression | undefined }[] = []
    this.names.push(names)
    this.expect('operator', '(')
    while (!this.skip('operator', ')')) {
      if (parameters.length > 0) this.expect('operator', ',')
      const name = this.expect('name')
      const value = this.skip('operator', '=') ? this.expression() : undefined
      if (!value && parameters.at(-1)?.default) this.fail('a parameter without a default follows one with it')
      parameters.push({ name, default: value })
    }
    this.names.pop()
    return parameters
  }

  /** Filters one after the other, as blocks have them. */
  #filters(): AppliedFilter[] {
    const filters: AppliedFilter[] = []
    do filters.push(this.applied())
    while (this.skip('operator', '|'))
    return filters
  }

  /** Names, in brackets or not. */
  #target(end?: string): Target {
    const items: Target[] = []
    let several = false
    do {
      if (several && (this.is('end') || this.is('operator', '=') || this.is('operator', ')'))) break
      if (several && end !== undefined && this.is('name', end)) break
      items.push(this.#oneTarget())
      several ||= this.is('operator', ',')
    } while (this.skip('operator', ','))
    return several ? { type: 'targets', items } : items[0]
  }

  #oneTarget(): Target {
    if (this.skip('operator', '(')) {
      const inner = this.within(() => this.#target())
      this.expect('operator', ')')
      return inner
    }
    const name = this.expect('name')
    if (CONSTANTS.has(name)) this.fail(`cannot assign to ${name}`)
    return this.skip('operator', '.')
      ? { type: 'field', object: name, name: this.expect('name') }
      : { type: 'name', name }
  }
}
