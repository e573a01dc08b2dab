/** Sets of characters in brackets. */
import { CodePoints, matching } from './code-points.ts'
import { escapedPoint, type Cursor } from './escapes.ts'
import { bracketNamed, escapedSet, ESCAPED_SETS, propertyNamed } from './properties.ts'

const MAX_DEPTH = 16

/** Reads what follows `[`. */
export class Brackets {
  readonly #cursor: Cursor
  readonly #ignoreCase: boolean
  readonly #from: number

  constructor(cursor: Cursor, ignoreCase: boolean) {
    this.#cursor = cursor
    this.#ignoreCase = ignoreCase
    this.#from = cursor.at - 1
  }

  /** `\p{…}` and its like behind a backslash, if it is one. */
  static property(cursor: Cursor): CodePoints | undefined {
    const from = cursor.at - 1
    const found = cursor.match(/([pP])\{(\^?)([^{}]*)\}/y)
    if (!found) return undefined
    const [, letter, not, name] = found
    const set = propertyNamed(name) ?? cursor.refuse('this name of a set of characters is not known', from)
    return (letter === 'P') !== (not === '^') ? new CodePoints((each) => !set.has(each)) : set
  }

  read(depth = 0): CodePoints {
    const cursor = this.#cursor
    if (depth > MAX_DEPTH) cursor.refuse('brackets are too deep', this.#from)
    const negative = cursor.take('^')
    const parts: CodePoints[][] = [[]]
    for (let first = true; ; first = false) {
      if (cursor.at >= cursor.source.length) cursor.refuse('a bracket is not closed', this.#from)
      const empty = first && parts.length === 1
      if (!(empty && this.#closesLater()) && cursor.take(']')) {
        if (empty) cursor.refuse('brackets are empty', this.#from)
        break
      }
      if (cursor.take('&&')) parts.push([])
      else parts.at(-1)!.push(this.#item(depth))
    }
    const all = parts.map(unionOf)
    const inside = all.length === 1 ? all[0] : new CodePoints((each) => all.every((part) => part.has(each)))
    return negative ? new CodePoints((each) => !inside.has(each)) : inside
  }

  /** A bracket that closes at once is a character, if another one closes. */
  #closesLater(): boolean {
    const { source, at } = this.#cursor
    return source[at] === ']' && source.includes(']', at + 1)
  }

  #item(depth: number): CodePoints {
    const cursor = this.#cursor
    const from = cursor.at
    const posix = cursor.match(/\[:(\^?)([a-z]*):\]/y)
    if (posix) {
      const set =
        bracketNamed(posix[2]) ?? cursor.refuse('this name of a set of characters is not known', from)
      return this.#whole(posix[1] === '^' ? new CodePoints((each) => !set.has(each)) : set, from)
    }
    if (cursor.take('[')) return this.#whole(this.read(depth + 1), from, false)
    if (/\\[A-Za-z]/y.test(cursor.source.slice(from, from + 2))) {
      const letter = cursor.source[from + 1]
      if (ESCAPED_SETS.has(letter.toLowerCase())) {
        cursor.at += 2
        const set = escapedSet(letter.toLowerCase(), true)
        return this.#whole(
          letter === letter.toLowerCase() ? set : new CodePoints((each) => !set.has(each)),
          from,
        )
      }
      cursor.at++
      const named = Brackets.property(cursor)
      if (named) return this.#whole(named, from)
      cursor.at--
    }
    const first = this.#point()
    if (!/-[^\]]/y.test(cursor.source.slice(cursor.at, cursor.at + 2))) return this.#range(first, first, from)
    if (/-(?:\[|&&)/y.test(cursor.source.slice(cursor.at, cursor.at + 3))) {
      cursor.refuse('a range without an end', from)
    }
    cursor.at++
    const last = this.#point()
    if (last < first) cursor.refuse('a range in disorder', from)
    return this.#range(first, last, from)
  }

  /** A set among others; it begins no range. */
  #whole(set: CodePoints, from: number, named = true): CodePoints {
    const cursor = this.#cursor
    if (/-[^\]]/y.test(cursor.source.slice(cursor.at, cursor.at + 2))) cursor.refuse('a range of sets', from)
    if (named && this.#ignoreCase) cursor.refuse('a named set in brackets is not read without case', from)
    return set
  }

  #point(): number {
    const cursor = this.#cursor
    if (cursor.take('\\')) {
      if (/[wWdDsShHpPRXNOkgGAzZB]/.test(cursor.source[cursor.at] ?? '')) {
        cursor.refuse('a range of sets', cursor.at - 1)
      }
      return escapedPoint(cursor, true)
    }
    const codePoint = cursor.source.codePointAt(cursor.at)!
    cursor.at += codePoint > 0xffff ? 2 : 1
    return codePoint
  }

  #range(first: number, last: number, from: number): CodePoints {
    const source = `[\\u{${first.toString(16)}}-\\u{${last.toString(16)}}]`
    if (!this.#ignoreCase) return matching(source)
    if (last > 0x7f) this.#cursor.refuse('these characters are not read without case', from)
    return matching(source, 'iu')
  }
}

function unionOf(sets: readonly CodePoints[]): CodePoints {
  return sets.length === 1 ? sets[0] : new CodePoints((each) => sets.some((set) => set.has(each)))
}
