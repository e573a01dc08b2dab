/** A pattern of a tokenizer.json, ready to be looked for. */
import { clip } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'
import { Matcher } from './matcher.ts'
import { parsePattern } from './parse.ts'
import { PatternError } from './pattern-error.ts'
import { compile } from './program.ts'
import type { Node } from './syntax.ts'

export type Found = (begin: number, end: number) => void

/** Something that is looked for in texts, from left to right. */
export interface Pattern {
  /** As it is written for Oniguruma. */
  readonly source: string
  /** Calls `found` with the begin and the end of each match. */
  each(text: string, found: Found): void
}

/**
 * Reads a regular expression. `where` names where it stands.
 *
 * @throws CheckpointError naming what of it is not read; `each` throws one if it takes too long for a text
 */
export function openPattern(source: string, where: string): Pattern {
  return named(source, where, () => parsePattern(source))
}

/** A pattern that is made here. */
export const patternOf = (source: string, node: Node, where = source): Pattern =>
  named(source, where, () => node)

function named(source: string, where: string, open: () => Node): Pattern {
  const attempt = <Result>(body: () => Result): Result => {
    try {
      return body()
    } catch (error) {
      if (!(error instanceof PatternError)) throw error
      throw new CheckpointError(error.message, {
        where,
        found: error.found === '' ? clip(source) : `${clip(error.found)} in ${clip(source)}`,
      })
    }
  }
  const matcher = attempt(() => new Matcher(compile(open())))
  return { source, each: (text, found) => attempt(() => matcher.each(text, found)) }
}

/** A text that is looked for as it is. */
export function openLiteral(text: string): Pattern {
  return {
    source: text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    each(within, found) {
      for (let at = within.indexOf(text); at >= 0; at = within.indexOf(text, at + text.length)) {
        found(at, at + text.length)
      }
    },
  }
}
