/** The filters of jinja2 that templates of chats use. What is not here is refused by name. */
import { Fault } from './budget.ts'
import { Given, type Context, type Filter } from './call.ts'
import { capitalize, pad, replace, strip } from './edit.ts'
import { formatPercent } from './format.ts'
import {
  attributeOf,
  batch,
  best,
  distinct,
  first,
  group,
  join,
  slices,
  sorted,
  sortKey,
} from './list-filters.ts'
import { textOf } from './show.ts'
import { escape, floatFrom, indent, round, toInt, tojson, truncate } from './text-filters.ts'
import {
  Dict,
  elementsOf,
  isTrue,
  kindOf,
  lengthOf,
  numberOf,
  Stream,
  Tuple,
  Undefined,
  type Named,
  type Value,
} from './values.ts'

const plain = (run: (text: string) => string): Filter => [
  [],
  (value, _, { budget }) => {
    const text = textOf(value, budget)
    budget.make(text.length)
    return run(text)
  },
]

const length: Filter = [[], (value) => BigInt(lengthOf(value))]
const otherwise: Filter = [
  ['default_value', 'boolean'],
  (value, given) =>
    value instanceof Undefined || (given.flag('boolean') && !isTrue(value))
      ? given.value('default_value', '')
      : value,
]

const FILTERS: Readonly<Record<string, Filter>> = {
  abs: [
    [],
    (value) => {
      const number = numberOf(value)
      if (number === undefined) throw new Fault(`abs: no number, found ${kindOf(value)}`)
      return typeof number === 'bigint' ? (number < 0n ? -number : number) : Math.abs(number)
    },
  ],
  attr: [['name'], (value, given, context) => context.attribute(value, given.text('name'))],
  batch: [['linecount', 'fill_with'], batch],
  capitalize: plain(capitalize),
  center: [
    ['width'],
    (value, given, { budget }) => pad(textOf(value, budget), given.count('width', 80), ' ', 'both', budget),
  ],
  count: length,
  length,
  d: otherwise,
  default: otherwise,
  dictsort: [
    ['case_sensitive', 'by', 'reverse'],
    (value, given, context) => {
      if (!(value instanceof Dict)) throw new Fault(`dictsort: no dict, found ${kindOf(value)}`)
      const place = given.text('by', 'key') === 'key' ? 0 : 1
      const exact = given.flag('case_sensitive')
      const key = (pair: Value): Value => {
        const one = (pair as Tuple).items[place]
        return typeof one === 'string' && !exact ? one.toLowerCase() : one
      }
      const pairs = value.entries().map((entry) => new Tuple(entry))
      return sorted(pairs, key, given.flag('reverse'), context)
    },
  ],
  e: escape,
  escape,
  forceescape: escape,
  first: [[], (value, _, context) => first(value, context, false)],
  float: [
    ['default'],
    (value, given) => {
      const number =
        numberOf(value) ??
        (typeof value === 'string' ? floatFrom(strip(value, undefined, 'both')) : undefined)
      return number === undefined ? given.value('default', 0) : Number(number)
    },
  ],
  groupby: [['attribute', 'default', 'case_sensitive'], group],
  indent: [['width', 'first', 'blank'], indent],
  int: [['default', 'base'], toInt],
  items: [
    [],
    (value, _, { budget }) => {
      if (value instanceof Undefined) return new Stream([])
      if (!(value instanceof Dict)) throw new Fault(`items: no dict, found ${kindOf(value)}`)
      budget.take(value.size)
      return new Stream(value.entries().map((entry) => new Tuple(entry)))
    },
  ],
  join: [['d', 'attribute'], join],
  last: [[], (value, _, context) => first(value, context, true)],
  list: [[], (value, _, { budget }) => elementsOf(value, budget)],
  lower: plain((text) => text.toLowerCase()),
  max: [['case_sensitive', 'attribute'], (value, given, context) => best(value, given, context, 1)],
  min: [['case_sensitive', 'attribute'], (value, given, context) => best(value, given, context, -1)],
  replace: [
    ['old', 'new', 'count'],
    (value, given, { budget }) => {
      const [from, to] = [given.value('old'), given.value('new')]
      const most = given.value('count', null) === null ? -1 : given.count('count')
      return replace(textOf(value, budget), textOf(from, budget), textOf(to, budget), most, budget)
    },
  ],
  reverse: [
    [],
    (value, _, { budget }) => {
      const elements = elementsOf(value, budget).toReversed()
      return typeof value === 'string' ? (elements as readonly string[]).join('') : new Stream(elements)
    },
  ],
  round: [['precision', 'method'], round],
  safe: [[], (value, _, { budget }) => textOf(value, budget)],
  slice: [['slices', 'fill_with'], slices],
  sort: [
    ['reverse', 'case_sensitive', 'attribute'],
    (value, given, context) =>
      sorted(elementsOf(value, context.budget), sortKey(given, context), given.flag('reverse'), context),
  ],
  string: [[], (value, _, { budget }) => textOf(value, budget)],
  sum: [
    ['attribute', 'start'],
    (value, given, context) => {
      const path = given.value('attribute', null)
      return elementsOf(value, context.budget).reduce(
        (sum: Value, each) => {
          const [a, b] = [numberOf(sum), numberOf(path === null ? each : attributeOf(each, path, context))]
          if (a === undefined || b === undefined) throw new Fault(`sum: no number, found ${kindOf(each)}`)
          return typeof a === 'bigint' && typeof b === 'bigint' ? a + b : Number(a) + Number(b)
        },
        given.value('start', 0n),
      )
    },
  ],
  title: plain((text) => text.replaceAll(/[^-\s([{<]+/gu, (word) => capitalize(word))),
  tojson: [['ensure_ascii', 'indent', 'separators', 'sort_keys'], tojson],
  trim: [
    ['chars'],
    (value, given, { budget }) => {
      const text = textOf(value, budget)
      budget.scan(text.length)
      return strip(text, given.optionalText('chars'), 'both')
    },
  ],
  truncate: [['length', 'killwords', 'end', 'leeway'], truncate],
  unique: [
    ['case_sensitive', 'attribute'],
    (value, given, context) => new Stream(distinct(value, given, context)),
  ],
  upper: plain((text) => text.toUpperCase()),
  wordcount: [
    [],
    (value, _, { budget }) => BigInt(textOf(value, budget).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  ],
}

/** Filters whose further arguments are those of another filter or test. */
const CHOOSING = new Set(['map', 'select', 'reject', 'selectattr', 'rejectattr'])

export const isFilter = (name: string): boolean =>
  Object.hasOwn(FILTERS, name) || CHOOSING.has(name) || name === 'format'

/** Throws Fault for a filter that there is not. */
export function applyFilter(
  name: string,
  value: Value,
  positional: readonly Value[],
  named: Named,
  context: Context,
): Value {
  context.budget.read(value)
  if (name === 'map') return map(value, positional, named, context)
  if (CHOOSING.has(name)) return choose(name, value, positional, named, context)
  if (name === 'format') {
    return formatPercent(textOf(value, context.budget), new Tuple(positional), context.budget)
  }
  if (!Object.hasOwn(FILTERS, name)) throw new Fault(`there is no filter ${name}`)
  const [parameters, run] = FILTERS[name]
  return run(value, new Given(name, parameters, positional, named, context.budget), context)
}

function map(value: Value, positional: readonly Value[], named: Named, context: Context): Value {
  const elements = elementsOf(value, context.budget)
  const path = named.get('attribute')
  if (positional.length === 0 && path !== undefined) {
    return new Stream(
      elements.map((each) => {
        const found = attributeOf(each, path, context)
        return found instanceof Undefined && named.has('default') ? named.get('default')! : found
      }),
    )
  }
  const [name, ...rest] = positional
  if (typeof name !== 'string') throw new Fault('map: no filter is named')
  return new Stream(elements.map((each) => context.filter(name, each, rest, named)))
}

function choose(
  name: string,
  value: Value,
  positional: readonly Value[],
  named: Named,
  context: Context,
): Value {
  const by = name.endsWith('attr') ? positional[0] : undefined
  if (name.endsWith('attr') && by === undefined) throw new Fault(`${name}: no attribute is named`)
  const [test, ...rest] = positional.slice(by === undefined ? 0 : 1)
  if (test !== undefined && typeof test !== 'string') throw new Fault(`${name}: no test is named`)
  const wanted = name.startsWith('select')
  return new Stream(
    elementsOf(value, context.budget).filter((each) => {
      const one = by === undefined ? each : attributeOf(each, by, context)
      return (test === undefined ? isTrue(one) : context.test(test, one, rest, named)) === wanted
    }),
  )
}
