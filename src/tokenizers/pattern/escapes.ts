/** Single characters in patterns. */
import { matching, type CodePoints } from './code-points.ts'

/** Where a pattern is read. */
export interface Cursor {
  readonly source: string
  at: number
  take(text: string): boolean
  match(regex: RegExp): RegExpExecArray | undefined
  refuse(rule: string, from?: number): never
}

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 }

/** The code point behind a backslash. */
export function escapedPoint(cursor: Cursor, bracketed: boolean): number {
  const from = cursor.at - 1
  const code = cursor.match(/x\{([0-9A-Fa-f]{1,8})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{1,2})/y)
  if (code) {
    const value = Number.parseInt(code[1] ?? code[2] ?? code[3], 16)
    const isCodePoint = value <= 0x10ffff && (value < 0xd800 || value > 0xdfff)
    if (!isCodePoint || (code[3] !== undefined && value > 0x7f)) cursor.refuse('this is no character', from)
    return value
  }
  const octal = cursor.match(bracketed ? /[0-7]{1,3}/y : /0[0-7]{0,2}/y)
  if (octal) {
    const value = Number.parseInt(octal[0], 8)
    return value > 0x7f ? cursor.refuse('this is no character', from) : value
  }
  const letter = String.fromCodePoint(cursor.source.codePointAt(cursor.at) ?? 0)
  if (cursor.at >= cursor.source.length) cursor.refuse('a backslash ends the pattern', from)
  cursor.at += letter.length
  if (bracketed && letter === 'b') return 8
  const control = Object.hasOwn(CONTROLS, letter) ? CONTROLS[letter] : undefined
  if (control !== undefined) return control
  if (/[A-Za-z0-9]/.test(letter)) cursor.refuse('this escape is not read', from)
  return letter.codePointAt(0)!
}

/** Letters that have another case, or may be part of what one letter becomes in another case. */
const CASED = matching('[\\p{Changes_When_Casefolded}\\p{Changes_When_Casemapped}\\p{M}\u02BC\u02BE]')

/** One character, in any case if `ignoreCase`. */
export function foldedPoint(cursor: Cursor, codePoint: number, ignoreCase: boolean): CodePoints {
  const source = `\\u{${codePoint.toString(16)}}`
  if (ignoreCase && codePoint > 0x7f && CASED.has(codePoint)) {
    cursor.refuse('this letter is not read without case', cursor.at - 1)
  }
  return matching(source, ignoreCase ? 'iu' : 'u')
}
