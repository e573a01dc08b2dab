/** Texts that are cut, filled up and replaced as Python does. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'

import { charactersOf, findText, joined, textLength, SPACES } from './text.ts'

const SPACE = new RegExp(`[${SPACES}]+`, 'g')
export const ONLY_SPACE = new RegExp(`^[${SPACES}]+$`)
const WORD = /\p{Alphabetic}+/gu

/** Takes characters away from the ends: white space, or those of `set`. */
export function strip(text: string, set: string | undefined, ends: 'both' | 'left' | 'right'): string {
  const dropped = set === undefined ? undefined : new Set(set)
  const drops = (each: string): boolean => (dropped ? dropped.has(each) : ONLY_SPACE.test(each))
  const characters = charactersOf(text)
  let [from, to] = [0, characters.length]
  if (ends !== 'right') while (from < to && drops(characters[from])) from++
  if (ends !== 'left') while (to > from && drops(characters[to - 1])) to--
  return joined(characters.slice(from, to))
}

export const capitalize = (text: string): string => {
  const [first = '', ...rest] = charactersOf(text)
  return first.toUpperCase() + rest.join('').toLowerCase()
}

export const titled = (text: string): string => text.replaceAll(WORD, (word) => capitalize(word))

/** `width` characters at least, filled up at the ends. */
export function pad(
  text: string,
  width: number,
  fill: string,
  ends: 'left' | 'right' | 'both',
  budget: Budget,
): string {
  const missing = Math.max(0, width - textLength(text))
  if (textLength(fill) !== 1) throw new Fault('a text is filled up with one character')
  budget.make(text.length + missing)
  // As Python does: the odd one goes to the left if the width is odd.
  const both = Math.floor(missing / 2) + (missing & width & 1)
  const left = ends === 'left' ? missing : ends === 'right' ? 0 : both
  return fill.repeat(left) + text + fill.repeat(missing - left)
}

export function split(text: string, separator: string | undefined, most: number, budget: Budget): string[] {
  if (separator === '') throw new Fault('split() by an empty text')
  budget.scan(text.length)
  const parts: string[] = []
  let from = 0
  if (separator === undefined) {
    const words = strip(text, undefined, most < 0 ? 'both' : 'left')
    SPACE.lastIndex = 0
    for (let gap = SPACE.exec(words); gap && parts.length !== most; gap = SPACE.exec(words)) {
      budget.take(1)
      parts.push(words.slice(from, gap.index))
      from = SPACE.lastIndex
    }
    if (from < words.length) parts.push(words.slice(from))
    return parts
  }
  for (
    let at = findText(text, separator);
    at >= 0 && parts.length !== most;
    at = findText(text, separator, from)
  ) {
    budget.take(1)
    parts.push(text.slice(from, at))
    from = at + separator.length
  }
  return [...parts, text.slice(from)]
}

const reversed = (text: string): string => Array.from(text).toReversed().join('')

export function splitFromRight(
  text: string,
  separator: string | undefined,
  most: number,
  budget: Budget,
): string[] {
  if (most < 0) return split(text, separator, -1, budget)
  const parts = split(reversed(text), separator === undefined ? undefined : reversed(separator), most, budget)
  return parts.map((part) => reversed(part)).toReversed()
}

/** What Python takes for the end of a line. */
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g // oxlint-disable-line no-control-regex

export function lines(text: string, keep: boolean, budget: Budget): string[] {
  budget.scan(text.length)
  const found: string[] = []
  let from = 0
  for (const end of text.matchAll(LINE_END)) {
    budget.take(1)
    found.push(text.slice(from, end.index + (keep ? end[0].length : 0)))
    from = end.index + end[0].length
  }
  if (from < text.length) found.push(text.slice(from))
  return found
}

export function replace(text: string, from: string, to: string, most: number, budget: Budget): string {
  if (most === 0) return text
  budget.scan(text.length)
  if (from !== '' && most < 0) {
    const parts = split(text, from, -1, budget)
    budget.make(text.length + (parts.length - 1) * to.length)
    return parts.join(to)
  }
  const parts = from === '' ? Array.from(charactersOf(text)) : split(text, from, most, budget)
  if (from !== '') {
    budget.make(text.length + parts.length * to.length)
    return parts.join(to)
  }
  const gaps = Math.min(most < 0 ? Number.POSITIVE_INFINITY : most, parts.length + 1)
  budget.make(text.length + gaps * to.length)
  const made = parts.map((part, i) => (i < gaps ? to : '') + part).join('')
  return gaps > parts.length ? made + to : made
}
