/** `'{}'.format(…)` and `'%s' % …` of Python, as far as templates use them. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'
import { reprOf, textOf } from './show.ts'
import { fixedText } from './text.ts'
import { Dict, isList, kindOf, numberOf, Tuple, type Named, type Value } from './values.ts'

const FIELD = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g

/** Fields without formats: `{}`, `{0}`, `{name}`. Throws Fault for others. */
export function format(text: string, positional: readonly Value[], named: Named, budget: Budget): string {
  let next = 0
  budget.scan(text.length)
  const made = text.replaceAll(FIELD, (field, name?: string) => {
    if (field === '{{' || field === '}}') return field[0]
    if (name === undefined || !/^\w*$/.test(name)) throw new Fault(`format() with ${field}`)
    const value =
      name === '' ? positional[next++] : /^\d+$/.test(name) ? positional[Number(name)] : named.get(name)
    if (value === undefined) throw new Fault(`format() lacks ${field}`)
    const shown = textOf(value, budget)
    budget.make(shown.length)
    return shown
  })
  budget.make(made.length)
  return made
}

const DIRECTIVE = /%(?:\((\w+)\))?([-+ 0#]*)(\d{0,3})(?:\.(\d{1,2}))?([a-zA-Z%])?/g

/** `text % value` */
export function formatPercent(text: string, given: Value, budget: Budget): string {
  const values = given instanceof Tuple ? given.items : [given]
  let next = 0
  budget.scan(text.length)
  const made = text.replaceAll(
    DIRECTIVE,
    (
      whole,
      key: string | undefined,
      flags: string,
      width: string,
      digits: string | undefined,
      kind?: string,
    ) => {
      if (whole === '%%') return '%'
      if (key === undefined && next >= values.length) throw new Fault('not enough values for a text with %')
      const value =
        key === undefined ? values[next++] : given instanceof Dict ? given.get(key, budget) : undefined
      if (value === undefined) throw new Fault(`there is no ${key ?? whole} for a text with %`)
      const shown = directive(kind ?? '', value, digits, budget)
      const number = kind !== 's' && kind !== 'r'
      const signed = number && !shown.startsWith('-') ? (/[+ ]/.exec(flags)?.[0] ?? '') + shown : shown
      const size = Number(width || 0)
      budget.make(shown.length + size)
      if (flags.includes('-')) return signed.padEnd(size)
      if (!flags.includes('0') || !number) return signed.padStart(size)
      const sign = /^[-+ ]/.exec(signed)?.[0] ?? ''
      return sign + signed.slice(sign.length).padStart(size - sign.length, '0')
    },
  )
  if (!(given instanceof Dict) && !(isList(given) && next === 0) && next < values.length) {
    throw new Fault('too many values for a text with %')
  }
  budget.make(made.length)
  return made
}

function directive(kind: string, value: Value, digits: string | undefined, budget: Budget): string {
  const number = numberOf(value)
  switch (kind) {
    case 's':
      return textOf(value, budget).slice(0, digits === undefined ? undefined : Number(digits))
    case 'r':
      return reprOf(value, budget)
    case 'd':
    case 'i':
      if (number !== undefined)
        return String(typeof number === 'bigint' ? number : BigInt(Math.trunc(number)))
      break
    case 'f':
      if (number !== undefined) return fixedText(Number(number), Number(digits ?? 6))
      break
    case 'x':
      if (typeof number === 'bigint') return number.toString(16)
      break
    default:
      throw new Fault(`a text with %${kind}`)
  }
  throw new Fault(`%${kind} of ${kindOf(value)}`)
}
