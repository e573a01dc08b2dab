/** Filters that make texts and numbers. */
import { Fault } from './budget.ts'
import type { Given } from './call.ts'
import { type Context, type Filter } from './call.ts'
import { strip } from './edit.ts'
import { toJson } from './json.ts'
import { textOf } from './show.ts'
import { charactersOf, fixedText, joined, textLength } from './text.ts'
import { isList, kindOf, numberOf, Tuple, type Value } from './values.ts'

/** Most characters of an indentation. */
const MAX_MARGIN = 1000

export function indent(value: Value, given: Given, { budget }: Context): string {
  const width = given.value('width', 4n)
  const margin =
    typeof width === 'string' ? width : ' '.repeat(Math.max(0, Math.min(MAX_MARGIN, given.count('width', 4))))
  const blank = given.flag('blank')
  const lines = `${textOf(value, budget)}\n`.split('\n')
  // The last line is the end that was put there.
  if (lines.at(-1) === '') lines.pop()
  budget.take(lines.length)
  budget.make(lines.reduce((sum, line) => sum + line.length + margin.length, 0))
  const [head = '', ...rest] = lines
  const made = rest.map((line) => (line !== '' || blank ? margin + line : line))
  return [(given.flag('first') ? margin : '') + head, ...made].join('\n')
}

export function round(value: Value, given: Given): Value {
  const number = numberOf(value)
  if (number === undefined) throw new Fault(`round: no number, found ${kindOf(value)}`)
  const digits = given.count('precision', 0)
  const scale = 10 ** digits
  const scaled = Number(number) * scale
  switch (given.text('method', 'common')) {
    case 'ceil':
      return Math.ceil(scaled) / scale
    case 'floor':
      return Math.floor(scaled) / scale
    case 'common':
      if (typeof number === 'bigint' && digits >= 0) return number
      // As Python does below zero: the places before the point.
      return digits < 0 ? Math.round(scaled) / scale : Number(fixedText(Number(number), Math.min(digits, 30)))
    default:
      throw new Fault('round: the method is common, ceil or floor')
  }
}

export function toInt(value: Value, given: Given): Value {
  const otherwise = given.value('default', 0n)
  const number = numberOf(value)
  if (typeof number === 'bigint') return number
  if (typeof number === 'number') return Number.isFinite(number) ? BigInt(Math.trunc(number)) : otherwise
  if (typeof value !== 'string') return otherwise
  const text = strip(value, undefined, 'both').replaceAll(/(\d)_(?=\d)/g, '$1')
  const base = given.count('base', 10)
  const digits =
    base === 16
      ? /^[-+]?(?:0x)?([\da-f]+)$/i
      : base === 8
        ? /^[-+]?(?:0o)?([0-7]+)$/i
        : base === 2
          ? /^[-+]?(?:0b)?([01]+)$/i
          : /^[-+]?(\d+)$/
  const whole = digits.exec(text.slice(0, 1000))
  if (whole && text.length <= 1000) {
    const size = BigInt((base === 16 ? '0x' : base === 8 ? '0o' : base === 2 ? '0b' : '') + whole[1])
    return text.startsWith('-') ? -size : size
  }
  const float = floatFrom(text)
  return float === undefined || !Number.isFinite(float) ? otherwise : BigInt(Math.trunc(float))
}

export function floatFrom(text: string): number | undefined {
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) return Number(text)
  const word = /^([-+]?)(inf(?:inity)?|nan)$/i.exec(text)
  if (!word) return undefined
  if (word[2].toLowerCase() === 'nan') return Number.NaN
  return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

export function tojson(value: Value, given: Given, { budget }: Context): string {
  const indented = given.value('indent', null)
  const pair = given.value('separators', null)
  const separators = pair instanceof Tuple ? pair.items : isList(pair) ? pair : undefined
  const [item, key] = separators ?? [indented === null ? ', ' : ',', ': ']
  if (typeof item !== 'string' || typeof key !== 'string') throw new Fault('tojson: separators are two texts')
  if (Math.max(item.length, key.length, typeof indented === 'string' ? indented.length : 0) > MAX_MARGIN) {
    throw new Fault('tojson: what stands between items is too long')
  }
  return toJson(
    value,
    {
      ascii: given.flag('ensure_ascii'),
      indent:
        indented === null
          ? undefined
          : typeof indented === 'string'
            ? indented
            : ' '.repeat(Math.max(0, Math.min(MAX_MARGIN, given.count('indent')))),
      separators: [item, key],
      sortKeys: given.flag('sort_keys'),
    },
    budget,
  )
}

export function truncate(value: Value, given: Given, { budget }: Context): string {
  const text = textOf(value, budget)
  const length = given.count('length', 255)
  const end = given.text('end', '...')
  const leeway = given.value('leeway', null) === null ? 5 : given.count('leeway')
  const characters = charactersOf(text)
  if (characters.length <= length + leeway) return text
  const room = length - textLength(end)
  if (room < 0) throw new Fault('truncate: the end is longer than the length')
  const cut = joined(characters.slice(0, room))
  if (given.flag('killwords')) return cut + end
  const space = cut.lastIndexOf(' ')
  return (space < 0 ? cut : cut.slice(0, space)) + end
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
}
export const escape: Filter = [[], (value, _, { budget }) => replaceAll(textOf(value, budget), budget)]

function replaceAll(text: string, budget: Context['budget']): string {
  const made = text.replaceAll(/[&<>'"]/g, (each) => ESCAPES[each])
  budget.make(made.length)
  return made
}
