/** Filters of lists: they sort, group and pick. */
import { Fault } from './budget.ts'
import type { Given } from './call.ts'
import { type Context } from './call.ts'
import { areEqual, compare } from './order.ts'
import { textOf } from './show.ts'
import { Dict, elementsOf, isList, known, Stream, Tuple, Undefined, type Value } from './values.ts'

/** What stands under an attribute such as `function.name` or `0`. */
export function attributeOf(value: Value, path: Value, context: Context): Value {
  if (typeof path !== 'string') return context.item(value, path)
  return path
    .split('.')
    .reduce((each: Value, part) => context.item(each, /^\d+$/.test(part) ? BigInt(part) : part), value)
}

/** What values are compared by: an attribute, and letters of one case unless they count. */
function keyBy(given: Given, context: Context): (value: Value) => Value {
  const path = given.value('attribute', null)
  const exact = given.flag('case_sensitive')
  return (value) => {
    const key = path === null ? value : attributeOf(value, path, context)
    context.budget.read(key)
    return typeof key === 'string' && !exact ? key.toLowerCase() : key
  }
}

export function sorted(
  values: readonly Value[],
  key: (value: Value) => Value,
  reverse: boolean,
  { budget }: Context,
): Value[] {
  const keyed = values.map((value) => ({ value, key: key(value) }))
  budget.take(values.length)
  const order = reverse ? -1 : 1
  return keyed.toSorted((a, b) => order * compare(a.key, b.key, budget)).map(({ value }) => value)
}

/** `sort` by several attributes, as `a,b` says. */
export function sortKey(given: Given, context: Context): (value: Value) => Value {
  const path = given.value('attribute', null)
  if (typeof path !== 'string' || !path.includes(',')) return keyBy(given, context)
  const exact = given.flag('case_sensitive')
  return (value) =>
    path.split(',').map((part) => {
      const key = attributeOf(value, part, context)
      context.budget.read(key)
      return typeof key === 'string' && !exact ? key.toLowerCase() : key
    })
}

export function best(value: Value, given: Given, context: Context, wanted: 1 | -1): Value {
  const key = keyBy(given, context)
  const [first, ...rest] = elementsOf(value, context.budget)
  if (first === undefined) return new Undefined('the first of nothing')
  return rest.reduce((a, b) => (wanted * compare(key(b), key(a), context.budget) > 0 ? b : a), first)
}

export function distinct(value: Value, given: Given, context: Context): Value[] {
  const key = keyBy(given, context)
  const seen = new Dict()
  return elementsOf(value, context.budget).filter((each) => {
    const one = key(each)
    if (seen.has(one, context.budget)) return false
    seen.set(one, true, context.budget)
    return true
  })
}

export const first = (value: Value, { budget }: Context, last: boolean): Value => {
  if (isList(value) || value instanceof Tuple || typeof value === 'string' || !last) {
    const found = elementsOf(value, budget).at(last ? -1 : 0)
    return known(found, last ? 'the last of nothing' : 'the first of nothing')
  }
  return known(elementsOf(value, budget).at(-1), 'the last of nothing')
}

export function join(value: Value, given: Given, context: Context): string {
  const { budget } = context
  const path = given.value('attribute', null)
  const separator = textOf(given.value('d', ''), budget)
  const texts = elementsOf(value, budget).map((each) =>
    textOf(path === null ? each : attributeOf(each, path, context), budget),
  )
  budget.make(texts.reduce((sum, each) => sum + each.length + separator.length, 0))
  return texts.join(separator)
}

export function batch(value: Value, given: Given, { budget }: Context): Value {
  const size = given.count('linecount')
  if (size < 1) throw new Fault('batch: no size')
  const fill = given.value('fill_with', null)
  const elements = elementsOf(value, budget)
  const rows: Value[][] = []
  for (let i = 0; i < elements.length; i += size) rows.push(elements.slice(i, i + size))
  const last = rows.at(-1)
  if (last && fill !== null) {
    budget.take(size)
    while (last.length < size) last.push(fill)
  }
  return new Stream(rows)
}

export function slices(value: Value, given: Given, { budget }: Context): Value {
  const count = given.count('slices')
  if (count < 1) throw new Fault('slice: no number of slices')
  budget.take(count)
  const elements = elementsOf(value, budget)
  const fill = given.value('fill_with', null)
  const [size, longer] = [Math.floor(elements.length / count), elements.length % count]
  let from = 0
  return new Stream(
    Array.from({ length: count }, (_, i) => {
      const row = elements.slice(from, (from += size + (i < longer ? 1 : 0)))
      return fill !== null && i >= longer ? [...row, fill] : row
    }),
  )
}

export function group(value: Value, given: Given, context: Context): Value {
  const path = given.value('attribute')
  const exact = given.flag('case_sensitive')
  const otherwise = given.value('default', null)
  const raw = (each: Value): Value => {
    const found = attributeOf(each, path, context)
    return found instanceof Undefined && given.has('default') ? otherwise : found
  }
  const key = (each: Value): Value => {
    const found = raw(each)
    context.budget.read(found)
    return typeof found === 'string' && !exact ? found.toLowerCase() : found
  }
  const groups: { key: Value; first: Value; items: Value[] }[] = []
  for (const each of sorted(elementsOf(value, context.budget), key, false, context)) {
    const last = groups.at(-1)
    if (last && areEqual(last.key, key(each), context.budget)) last.items.push(each)
    else groups.push({ key: key(each), first: raw(each), items: [each] })
  }
  return groups.map(({ first: one, items }) => new Tuple([one, items]))
}
