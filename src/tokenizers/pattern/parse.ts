/**
 * Patterns of a tokenizer.json. They are written for Oniguruma (its Ruby syntax over Unicode), in which for
 * example `^` and `$` are at every line, and `a++` gives nothing back. What is not read here is refused by
 * name.
 */
import { PatternError } from './pattern-error.ts'
import { CodePoints, matching } from './code-points.ts'
import { Brackets } from './brackets.ts'
import { escapedPoint, foldedPoint, type Cursor } from './escapes.ts'
import { escapedSet, ESCAPED_SETS } from './properties.ts'
import { lengthsOf, type Node, type Place } from './syntax.ts'

/** Deeper ones are in no published tokenizer. */
const MAX_DEPTH = 64
const MAX_COUNT = 1000

interface Options {
  readonly ignoreCase: boolean
  readonly dotAll: boolean
  readonly extended: boolean
}

const ANY = matching('[\\0-\\u{10FFFF}]')
const NOT_NEWLINE = matching('[^\\n]')
const LINE_BREAKS = matching('[\\n-\\r\\x85\\u2028\\u2029]')
const PLACES: ReadonlyMap<string, Place> = new Map([
  ['A', 'start'],
  ['b', 'edge'],
  ['B', 'no-edge'],
  ['z', 'end'],
  ['Z', 'end-or-newline'],
])

/** @throws PatternError that names what is not read */
export function parsePattern(source: string): Node {
  return new Parser(source).whole()
}

class Parser implements Cursor {
  readonly source: string
  at = 0
  #depth = 0

  constructor(source: string) {
    this.source = source
  }

  whole(): Node {
    const node = this.#choice({ ignoreCase: false, dotAll: false, extended: false })
    if (this.at < this.source.length) this.refuse('a parenthesis closes nothing')
    return node
  }

  refuse(rule: string, from = this.at): never {
    throw new PatternError(rule, this.source.slice(from, from + 32))
  }

  take(text: string): boolean {
    if (!this.source.startsWith(text, this.at)) return false
    this.at += text.length
    return true
  }

  /** What a sticky expression matches here. */
  match(regex: RegExp): RegExpExecArray | undefined {
    regex.lastIndex = this.at
    const found = regex.exec(this.source)
    if (found) this.at = regex.lastIndex
    return found ?? undefined
  }

  #choice(given: Options): Node {
    if (++this.#depth > MAX_DEPTH) this.refuse('groups are too deep')
    let options = given
    const choices: Node[] = []
    let items: Node[] = []
    const close = (): Node => (items.length === 1 ? items[0] : { type: 'sequence', items })
    while (this.at < this.source.length && this.source[this.at] !== ')') {
      if (options.extended && this.match(/(?:\s|#[^\n]*)+/y)) continue
      if (this.match(/\(\?#[^)]*\)/y)) continue
      if (this.take('|')) {
        choices.push(close())
        items = []
        continue
      }
      const switched = this.match(/\(\?([imx]*)(?:-([imx]*))?\)/y)
      if (switched) {
        // It holds to the end of the group, alternatives and all.
        options = changed(options, switched[1], switched[2])
        items.push(this.#choice(options))
        break
      }
      const from = this.at
      items.push(this.#repeats(this.#atom(options), from, options))
      if (options.ignoreCase) this.#expectPlainCase(items)
    }
    choices.push(close())
    this.#depth--
    return choices.length === 1 ? choices[0] : { type: 'choice', items: choices }
  }

  /** Two letters that are one in another case (`ss` and `ß`) would match it. */
  #expectPlainCase(items: readonly Node[]): void {
    const last = items.slice(-2)
    if (last.length < 2) return
    const [a, b] = last.map((item) => (item.type === 'set' ? item.set : undefined))
    if (a && b && PAIRS_OF_ONE.some(([first, second]) => a.has(first) && b.has(second))) {
      this.refuse('letters that are one letter in another case are not read without case')
    }
  }

  #atom(options: Options): Node {
    const from = this.at
    const character = String.fromCodePoint(this.source.codePointAt(this.at)!)
    this.at += character.length
    switch (character) {
      case '(':
        return this.#group(options, from)
      case '[': {
        return set(new Brackets(this, options.ignoreCase).read())
      }
      case '.':
        return set(options.dotAll ? ANY : NOT_NEWLINE)
      case '^':
        return { type: 'place', place: 'line-start' }
      case '$':
        return { type: 'place', place: 'line-end' }
      case '\\':
        return this.#escaped(options, from)
      case '*':
      case '+':
      case '?':
        return this.refuse('nothing is repeated', from)
      case '{':
        if (/\{(\d+,?\d*|,\d+)\}/y.exec(this.source.slice(from))) this.refuse('nothing is repeated', from)
        return set(foldedPoint(this, 0x7b, false))
      default:
        return set(foldedPoint(this, character.codePointAt(0)!, options.ignoreCase))
    }
  }

  #group(options: Options, from: number): Node {
    const kind = this.match(/\?(?::|>|<?[=!]|([imx]*)(?:-([imx]*))?:|<[^\W\d]\w*>|'[^\W\d]\w*')/y)
    if (!kind && /[?*]/.test(this.source[this.at] ?? ''))
      this.refuse('a group of this kind is not read', from)
    const within =
      kind?.[1] !== undefined || kind?.[2] !== undefined ? changed(options, kind[1] ?? '', kind[2]) : options
    const body = this.#choice(within)
    if (!this.take(')')) this.refuse('a parenthesis is not closed', from)
    const sign = kind?.[0] ?? ''
    const negative = sign.endsWith('!')
    if (sign === '?>') return { type: 'atomic', body }
    if (sign === '?=' || sign === '?!') return { type: 'look', behind: false, negative, body }
    if (sign === '?<=' || sign === '?<!') {
      if (lengthsOf(body)) return { type: 'look', behind: true, negative, body }
      this.refuse('what is looked back for is of too many lengths', from)
    }
    // A sequence, so that letters of the group are not taken as neighbours of those before it.
    return { type: 'sequence', items: [body] }
  }

  #escaped({ ignoreCase }: Options, from: number): Node {
    const letter = this.source[this.at] ?? this.refuse('a backslash ends the pattern', from)
    const place = PLACES.get(letter)
    if (place) {
      this.at++
      return { type: 'place', place }
    }
    if (ESCAPED_SETS.has(letter.toLowerCase())) {
      this.at++
      const found = escapedSet(letter.toLowerCase(), false)
      return set(letter === letter.toLowerCase() ? found : complement(found))
    }
    if (this.match(/R/y)) {
      const pair = { type: 'sequence', items: [set(point('\r')), set(point('\n'))] } as const
      return { type: 'atomic', body: { type: 'choice', items: [pair, set(LINE_BREAKS)] } }
    }
    if (this.match(/N/y)) return set(NOT_NEWLINE)
    if (this.match(/O/y)) return set(ANY)
    const named = Brackets.property(this)
    if (named) return set(named)
    return set(foldedPoint(this, escapedPoint(this, false), ignoreCase))
  }

  /** What stands behind a part: how often it is repeated, and how. */
  #repeats(node: Node, from: number, { extended }: Options): Node {
    let repeated = node
    for (let depth = 0; ; depth++) {
      if (extended) this.match(/(?:\s|#[^\n]*)+/y)
      const found = this.match(/[*+?]|\{(\d+)(,?)(\d*)\}|\{,(\d+)\}/y)
      if (!found) return repeated
      if (node.type === 'place' || node.type === 'look' || depth === 4)
        this.refuse('this is not repeated', from)
      repeated = this.#repeat(repeated, found, from)
    }
  }

  #repeat(body: Node, [sign, least, comma, most, upTo]: RegExpExecArray, from: number): Node {
    const fixed = least !== undefined && comma === ''
    const min = sign === '+' ? 1 : Number(least ?? 0)
    const max =
      sign === '?' ? 1 : fixed ? min : upTo !== undefined ? Number(upTo) : most ? Number(most) : Infinity
    if (Math.max(min, max === Infinity ? 0 : max) > MAX_COUNT) this.refuse('a count is too large', from)
    if (min > max) this.refuse('a range of counts is in disorder', from)
    // Behind braces `+` repeats once more, and behind one number so does `?`.
    const lazy = !fixed && this.take('?')
    const repeat: Node = { type: 'repeat', body, min, max, lazy }
    return !lazy && !sign.startsWith('{') && this.take('+') ? { type: 'atomic', body: repeat } : repeat
  }
}

const set = (points: CodePoints): Node => ({ type: 'set', set: points })
const point = (character: string): CodePoints => matching(character === '\r' ? '\\r' : '\\n')
const complement = (points: CodePoints): CodePoints => new CodePoints((codePoint) => !points.has(codePoint))

/** Pairs of letters that full case folding makes of one letter. */
const PAIRS_OF_ONE = ['ss', 'ff', 'fi', 'fl', 'st'].map((pair) => [pair.charCodeAt(0), pair.charCodeAt(1)])

function changed(options: Options, on: string, off = ''): Options {
  const of = (letter: string, before: boolean): boolean =>
    (on.includes(letter) || before) && !off.includes(letter)
  return {
    ignoreCase: of('i', options.ignoreCase),
    dotAll: of('m', options.dotAll),
    extended: of('x', options.extended),
  }
}
