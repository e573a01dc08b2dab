/** Places in a text, and which of them a pattern may ask for. */
import { escapedSet } from './properties.ts'
import type { Place } from './syntax.ts'

const WORD = escapedSet('w', false)

/** The place behind the code point at a place. */
export function next(text: string, at: number): number {
  return at + ((text.charCodeAt(at) & 0xfc00) === 0xd800 ? 2 : 1)
}

/** The place of the code point before a place. */
export function before(text: string, at: number): number {
  return at - ((text.charCodeAt(at - 1) & 0xfc00) === 0xdc00 ? 2 : 1)
}

export function isAt(place: Place, text: string, at: number): boolean {
  switch (place) {
    case 'line-start':
      return at === 0 || (text[at - 1] === '\n' && at < text.length)
    case 'line-end':
      return at === text.length || text[at] === '\n'
    case 'start':
      return at === 0
    case 'end':
      return at === text.length
    case 'end-or-newline':
      return at === text.length || (at === text.length - 1 && text[at] === '\n')
    case 'edge':
      return isEdge(text, at)
    case 'no-edge':
    default:
      return !isEdge(text, at)
  }
}

function isEdge(text: string, at: number): boolean {
  const follows = at > 0 && WORD.has(text.codePointAt(before(text, at))!)
  return follows !== (at < text.length && WORD.has(text.codePointAt(at)!))
}
