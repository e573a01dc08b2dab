/** The methods of texts, lists and dicts that change nothing. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'
import { Given } from './call.ts'
import { capitalize, lines, ONLY_SPACE, pad, replace, split, splitFromRight, strip, titled } from './edit.ts'
import { format } from './format.ts'

import { areEqual } from './order.ts'
import { charactersOf, findText, joined, textLength } from './text.ts'
import { Callable, Dict, elementsOf, isList, kindOf, Tuple, View, type Value } from './values.ts'

type Method<T> = (value: T, given: Given, budget: Budget) => Value
type Methods<T> = Readonly<Record<string, readonly [parameters: readonly string[], run: Method<T>]>>

/** Where in characters `part` is, between two places. */
function find(text: string, given: Given, last: boolean): number {
  const [from, to] = bounds(given, textLength(text))
  if (from > to) return -1
  const within = joined(charactersOf(text).slice(from, to))
  const part = given.text('sub')
  const at = findText(within, part, 0, last)
  return at < 0 ? -1 : from + textLength(within.slice(0, at))
}

function bounds(given: Given, length: number): [number, number] {
  const place = (name: string, otherwise: number): number => {
    if (given.value(name, null) === null) return otherwise
    const index = given.count(name)
    return index < 0 ? Math.max(0, index + length) : index
  }
  return [place('start', 0), Math.min(length, place('end', length))]
}

function found(index: number): bigint {
  if (index < 0) throw new Fault('the part is not in it')
  return BigInt(index)
}

/** Whether a text begins or ends with one of several. */
function matches(text: string, given: Given, at: 'startsWith' | 'endsWith'): boolean {
  const [from, to] = bounds(given, textLength(text))
  const part = from === 0 && to === textLength(text) ? text : joined(charactersOf(text).slice(from, to))
  const wanted = given.value('prefix')
  const all = wanted instanceof Tuple ? wanted.items : [wanted]
  return all.some((each) => {
    if (typeof each !== 'string') throw new Fault(`${given.where}: no text, found ${kindOf(each)}`)
    return part[at](each)
  })
}

function partition(text: string, separator: string, at: number): Tuple {
  if (separator === '') throw new Fault('partition() by an empty text')
  return new Tuple(
    at < 0 ? [text, '', ''] : [text.slice(0, at), separator, text.slice(at + separator.length)],
  )
}

const all = (pattern: RegExp): readonly [readonly string[], Method<string>] => [
  [],
  (text) => pattern.test(text),
]
/** Whether there are letters with case, and they all have this one. */
export const hasCase = (text: string, of: (text: string) => string): boolean =>
  text === of(text) && text.toLowerCase() !== text.toUpperCase()
const plain = (run: (text: string) => string): readonly [readonly string[], Method<string>] => [
  [],
  (text, _, budget) => {
    budget.make(text.length)
    return run(text)
  },
]
const stripped = (ends: 'both' | 'left' | 'right'): readonly [readonly string[], Method<string>] => [
  ['chars'],
  (text, given, budget) => {
    budget.scan(text.length)
    return strip(text, given.optionalText('chars'), ends)
  },
]
const padded = (ends: 'left' | 'right' | 'both'): readonly [readonly string[], Method<string>] => [
  ['width', 'fill'],
  (text, given, budget) => pad(text, given.count('width'), given.text('fill', ' '), ends, budget),
]
const BOUNDS = ['sub', 'start', 'end']

const TEXT: Methods<string> = {
  upper: plain((text) => text.toUpperCase()),
  lower: plain((text) => text.toLowerCase()),
  casefold: plain((text) => text.toLowerCase().replaceAll('ß', 'ss')),
  title: plain(titled),
  capitalize: plain(capitalize),
  swapcase: plain((text) =>
    Array.from(text, (each) => (each === each.toUpperCase() ? each.toLowerCase() : each.toUpperCase())).join(
      '',
    ),
  ),
  strip: stripped('both'),
  lstrip: stripped('left'),
  rstrip: stripped('right'),
  ljust: padded('right'),
  rjust: padded('left'),
  center: padded('both'),
  zfill: [
    ['width'],
    (text, given, budget) => {
      const sign = /^[-+]/.exec(text)?.[0] ?? ''
      return sign + pad(text.slice(sign.length), given.count('width') - sign.length, '0', 'left', budget)
    },
  ],
  split: [
    ['sep', 'maxsplit'],
    (text, given, budget) => split(text, given.optionalText('sep'), given.count('maxsplit', -1), budget),
  ],
  rsplit: [
    ['sep', 'maxsplit'],
    (text, given, budget) =>
      splitFromRight(text, given.optionalText('sep'), given.count('maxsplit', -1), budget),
  ],
  splitlines: [['keepends'], (text, given, budget) => lines(text, given.flag('keepends'), budget)],
  startswith: [['prefix', 'start', 'end'], (text, given) => matches(text, given, 'startsWith')],
  endswith: [['prefix', 'start', 'end'], (text, given) => matches(text, given, 'endsWith')],
  removeprefix: [
    ['prefix'],
    (text, given) => (text.startsWith(given.text('prefix')) ? text.slice(given.text('prefix').length) : text),
  ],
  removesuffix: [
    ['suffix'],
    (text, given) => {
      const suffix = given.text('suffix')
      return suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text
    },
  ],
  replace: [
    ['old', 'new', 'count'],
    (text, given, budget) =>
      replace(text, given.text('old'), given.text('new'), given.count('count', -1), budget),
  ],
  find: [BOUNDS, (text, given, budget) => (budget.scan(text.length), BigInt(find(text, given, false)))],
  rfind: [BOUNDS, (text, given, budget) => (budget.scan(text.length), BigInt(find(text, given, true)))],
  index: [BOUNDS, (text, given, budget) => (budget.scan(text.length), found(find(text, given, false)))],
  rindex: [BOUNDS, (text, given, budget) => (budget.scan(text.length), found(find(text, given, true)))],
  count: [
    BOUNDS,
    (text, given, budget) => {
      const [from, to] = bounds(given, textLength(text))
      const part = given.text('sub')
      const within = joined(charactersOf(text).slice(from, to))
      return BigInt(part === '' ? textLength(within) + 1 : split(within, part, -1, budget).length - 1)
    },
  ],
  partition: [
    ['sep'],
    (text, given) => partition(text, given.text('sep'), findText(text, given.text('sep'))),
  ],
  rpartition: [
    ['sep'],
    (text, given) => {
      const at = findText(text, given.text('sep'), 0, true)
      return at < 0 ? new Tuple(['', '', text]) : partition(text, given.text('sep'), at)
    },
  ],
  join: [
    ['iterable'],
    (text, given, budget) => {
      const items = elementsOf(given.value('iterable'), budget).map((each) => {
        if (typeof each === 'string') return each
        throw new Fault(`join() takes texts, found ${kindOf(each)}`)
      })
      budget.make(items.reduce((sum, each) => sum + each.length + text.length, 0))
      return items.join(text)
    },
  ],
  isdigit: all(/^[\p{Nd}²³¹⁰-⁹₀-₉]+$/u),
  isdecimal: all(/^\p{Nd}+$/u),
  isnumeric: all(/^\p{N}+$/u),
  isalpha: all(/^\p{L}+$/u),
  isalnum: all(/^[\p{L}\p{N}]+$/u),
  // oxlint-disable-next-line no-control-regex
  isascii: all(/^[\u0000-\u007f]*$/),
  isspace: all(ONLY_SPACE),
  isupper: [[], (text) => hasCase(text, (each) => each.toUpperCase())],
  islower: [[], (text) => hasCase(text, (each) => each.toLowerCase())],
}

const LIST: Methods<readonly Value[]> = {
  index: [
    ['value'],
    (list, given, budget) => found(list.findIndex((each) => areEqual(each, given.value('value'), budget))),
  ],
  count: [
    ['value'],
    (list, given, budget) =>
      BigInt(list.filter((each) => areEqual(each, given.value('value'), budget)).length),
  ],
  copy: [[], (list) => list],
}

const view = (kind: string, of: (entry: readonly [Value, Value]) => Value): Methods<Dict>[string] => [
  [],
  (dict, _, budget) => {
    budget.take(dict.size)
    return new View(kind, dict.entries().map(of))
  },
]

const DICT: Methods<Dict> = {
  get: [
    ['key', 'default'],
    (dict, given, budget) => {
      const value = dict.get(given.value('key'), budget)
      return value === undefined ? given.value('default', null) : value
    },
  ],
  items: view('items', (entry) => new Tuple(entry)),
  keys: view('keys', ([key]) => key),
  values: view('values', ([, value]) => value),
  copy: [[], (dict) => dict],
}

/** The method of a value, if it has one of that name. */
export function methodOf(value: Value, name: string, budget: Budget): Callable | undefined {
  if (typeof value === 'string') {
    if (name === 'format') {
      return new Callable(name, (...given) => {
        budget.read(value)
        return format(value, ...given, budget)
      })
    }
    return bound(TEXT, value, name, budget)
  }
  if (value instanceof Dict) return bound(DICT, value, name, budget)
  if (isList(value)) return bound(LIST, value, name, budget)
  return value instanceof Tuple && name !== 'copy' ? bound(LIST, value.items, name, budget) : undefined
}

function bound<T>(methods: Methods<T>, value: T, name: string, budget: Budget): Callable | undefined {
  if (!Object.hasOwn(methods, name)) return undefined
  const [parameters, run] = methods[name]
  return new Callable(name, (positional, named) => {
    budget.read(value)
    return run(value, new Given(`${name}()`, parameters, positional, named, budget), budget)
  })
}
