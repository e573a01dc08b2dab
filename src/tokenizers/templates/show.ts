/** Values as texts, and what callers give as values. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'
import { floatText, quote } from './text.ts'
import { Dict, isList, kindOf, Range, Tuple, Undefined, View, type Value } from './values.ts'

/** `str(value)` */
export function textOf(value: Value, budget: Budget): string {
  if (typeof value === 'string') return value
  return value instanceof Undefined ? '' : reprOf(value, budget)
}

/** `repr(value)` */
export function reprOf(value: Value, budget: Budget): string {
  budget.take(1)
  const shown = (text: string): string => {
    budget.make(text.length)
    return text
  }
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'bigint') return shown(String(value))
  if (typeof value === 'number') return floatText(value)
  budget.read(value)
  if (typeof value === 'string') return shown(quote(value))
  const items = (each: readonly Value[]): string =>
    budget.within(() => each.map((item) => reprOf(item, budget)).join(', '))
  if (isList(value)) return shown(`[${items(value)}]`)
  if (value instanceof Tuple) return shown(`(${items(value.items)}${value.items.length === 1 ? ',' : ''})`)
  if (value instanceof View) return shown(`dict_${value.kind}([${items(value.items)}])`)
  if (value instanceof Dict) {
    const pairs = budget.within(() =>
      value.entries().map(([key, each]) => `${reprOf(key, budget)}: ${reprOf(each, budget)}`),
    )
    return shown(`{${pairs.join(', ')}}`)
  }
  if (value instanceof Range) {
    return `range(${value.start}, ${value.stop}${value.step === 1n ? '' : `, ${value.step}`})`
  }
  if (value instanceof Undefined) return 'Undefined'
  throw new Fault(`${kindOf(value)} has no text`)
}

/** What a caller gives, as a value. Objects become dicts, whole numbers ints. */
export function valueFrom(given: unknown, budget: Budget): Value {
  budget.take(1)
  if (typeof given === 'string' || typeof given === 'boolean' || typeof given === 'bigint' || given === null)
    return given
  if (typeof given === 'number')
    return Number.isSafeInteger(given) && !Object.is(given, -0) ? BigInt(given) : given
  if (typeof given !== 'object') throw new Fault(`a ${typeof given} is no value of a template`)
  if (Array.isArray(given)) return budget.within(() => given.map((each) => valueFrom(each, budget)))
  const dict = new Dict()
  const entries = given instanceof Map ? [...(given as Map<string, unknown>)] : Object.entries(given)
  budget.within(() => {
    for (const [key, value] of entries) {
      if (value !== undefined) dict.set(key, valueFrom(value, budget), budget)
    }
  })
  return dict
}
