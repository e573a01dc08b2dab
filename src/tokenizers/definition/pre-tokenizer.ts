/** The pre-tokenizer of a tokenizer.json: how a text is cut into words, in which tokens are merged. */
import * as v from 'valibot'
import { CheckpointError } from '../../errors.ts'
import { matching, RUST_WORD, type CodePoints } from '../pattern/code-points.ts'
import { openLiteral, openPattern, patternOf, type Pattern } from '../pattern/pattern.ts'
import { bytesAsLetters } from '../text/byte-letters.ts'
import { checked, kindOf, patternShape, refuseKind } from './check.ts'
import type { Piece } from './normalizer.ts'
import { isPunctuation } from './older-unicode.ts'
import { split, type Behavior } from './split.ts'

const KINDS = [
  'BertPreTokenizer',
  'ByteLevel',
  'CharDelimiterSplit',
  'Digits',
  'FixedLength',
  'Metaspace',
  'Punctuation',
  'Sequence',
  'Split',
  'Whitespace',
  'WhitespaceSplit',
] as const

/** How GPT-2 splits text before bytes: contractions, words, numbers, other characters, space. */
export const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
/** Punctuation of Unicode, and what else ASCII counts as such. */
export const PUNCTUATION_PATTERN = '[\\p{P}$+<=>\\^`|~]'

const behavior = v.picklist(['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'])
const character = v.pipe(v.string(), v.regex(/^[^]$/u))

const byteLevelShape = v.object({
  add_prefix_space: v.optional(v.boolean(), true),
  use_regex: v.optional(v.boolean(), true),
})
const metaspaceShape = v.object({
  replacement: character,
  prepend_scheme: v.optional(v.picklist(['always', 'first', 'never'])),
  add_prefix_space: v.nullish(v.boolean()),
  split: v.nullish(v.boolean(), true),
})
const splitShape = v.object({ pattern: patternShape, behavior, invert: v.optional(v.boolean(), false) })

/** More steps than any published pre-tokenizer has. */
const MAX_STEPS = 32

/**
 * A step: cuts, or changes what each piece is. `isOn` says that a piece goes on from an earlier text, so
 * that nothing is put before it.
 */
export type Step =
  | {
      readonly kind: 'split'
      readonly pattern: Pattern
      readonly behavior: Behavior
      readonly invert: boolean
    }
  | { readonly kind: 'map'; readonly map: (piece: Piece, isOn: boolean) => Piece }
  | { readonly kind: 'bytes' }
  | { readonly kind: 'length'; readonly length: number }

export function readPreTokenizer(preTokenizer: unknown, where: string): readonly Step[] {
  if (preTokenizer === null || preTokenizer === undefined) return []
  const steps: Step[] = []
  addSteps(preTokenizer, where, steps)
  // Each makes two characters of one: the text would grow with every step.
  if (steps.filter((step) => step.kind === 'bytes').length > 1) {
    throw new CheckpointError('the pre-tokenizer turns text into bytes twice', { where })
  }
  return steps
}

function addSteps(preTokenizer: unknown, where: string, steps: Step[]): void {
  if (steps.length > MAX_STEPS) {
    throw new CheckpointError('the pre-tokenizer has too many steps', {
      where,
      expected: `at most ${MAX_STEPS}`,
    })
  }
  const kind = kindOf(preTokenizer, where)
  switch (kind) {
    case 'Sequence': {
      const shape = v.object({ pretokenizers: v.array(v.unknown()) })
      const { pretokenizers } = checked(shape, preTokenizer, where)
      for (const [i, each] of pretokenizers.entries()) addSteps(each, `${where}.pretokenizers.${i}`, steps)
      return
    }
    case 'ByteLevel': {
      const { add_prefix_space, use_regex } = checked(byteLevelShape, preTokenizer, where)
      if (add_prefix_space) steps.push({ kind: 'map', map: spaceBefore(' ', 'always') })
      if (use_regex) steps.push(splitting(openPattern(GPT2_PATTERN, where), 'Isolated'))
      steps.push({ kind: 'bytes' })
      return
    }
    case 'Metaspace':
      steps.push(...metaspace(checked(metaspaceShape, preTokenizer, where), where))
      return
    case 'Split': {
      const { pattern, behavior, invert } = checked(splitShape, preTokenizer, where)
      const at = `${where}.pattern`
      const opened = 'Regex' in pattern ? openPattern(pattern.Regex, at) : openLiteral(pattern.String)
      steps.push(splitting(opened, behavior, invert))
      return
    }
    case 'Digits': {
      const shape = v.object({ individual_digits: v.optional(v.boolean(), false) })
      const { individual_digits } = checked(shape, preTokenizer, where)
      steps.push(splitting(openPattern(individual_digits ? '\\p{N}' : '\\p{N}+', where), 'Isolated'))
      return
    }
    case 'Punctuation': {
      const shape = v.object({ behavior: v.optional(behavior, 'Isolated') })
      steps.push(splitting(punctuation(), checked(shape, preTokenizer, where).behavior))
      return
    }
    case 'BertPreTokenizer':
      steps.push(splitting(space(), 'Removed'), splitting(punctuation(), 'Isolated'))
      return
    case 'Whitespace':
      steps.push(splitting(words(), 'Removed', true))
      return
    case 'WhitespaceSplit':
      steps.push(splitting(space(), 'Removed'))
      return
    case 'CharDelimiterSplit': {
      const { delimiter } = checked(v.object({ delimiter: character }), preTokenizer, where)
      steps.push(splitting(openLiteral(delimiter), 'Removed'))
      return
    }
    case 'FixedLength': {
      const shape = v.object({ length: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1)), 5) })
      steps.push({ kind: 'length', length: checked(shape, preTokenizer, where).length })
      return
    }
    default:
      refuseKind('pre-tokenizer', kind, KINDS, where)
  }
}

const splitting = (pattern: Pattern, behavior: Behavior, invert = false): Step => ({
  kind: 'split',
  pattern,
  behavior,
  invert,
})

const each = (set: CodePoints, source: string): Pattern => patternOf(source, { type: 'set', set })
const many = (source: string): Extract<Parameters<typeof patternOf>[1], { type: 'repeat' }> => ({
  type: 'repeat',
  body: { type: 'set', set: matching(source) },
  min: 1,
  max: Infinity,
  lazy: false,
})

// A pattern is looked for in one text at a time: each step has its own.
const punctuation = (): Pattern => each(isPunctuation, PUNCTUATION_PATTERN)
const space = (): Pattern => patternOf('\\s+', many('\\p{White_Space}'))
const words = (): Pattern =>
  patternOf('\\w+|[^\\w\\s]+', {
    type: 'choice',
    items: [many(`[${RUST_WORD}]`), many(`[^${RUST_WORD}\\p{White_Space}]`)],
  })

/** `mark` before pieces that do not begin with it: all of them, or that at the beginning of the text. */
const spaceBefore =
  (mark: string, scheme: 'always' | 'first') =>
  (piece: Piece, isOn: boolean): Piece => {
    const { text, head } = piece
    if (isOn || text.startsWith(mark) || (scheme === 'first' && head === 0)) return piece
    return { text: mark + text, head: head === 0 ? 0 : head + mark.length }
  }

function metaspace(part: v.InferOutput<typeof metaspaceShape>, where: string): Step[] {
  const { replacement, prepend_scheme, add_prefix_space, split: splits } = part
  if (add_prefix_space === false && prepend_scheme !== undefined && prepend_scheme !== 'never') {
    throw new CheckpointError('add_prefix_space says another thing than prepend_scheme', {
      where,
      found: prepend_scheme,
    })
  }
  const scheme = add_prefix_space === false ? 'never' : (prepend_scheme ?? 'always')
  const before = scheme === 'never' ? undefined : spaceBefore(replacement, scheme)
  const map = ({ text, head }: Piece, isOn: boolean): Piece => {
    const marked = {
      text: text.replaceAll(' ', replacement),
      head: head === 0 ? 0 : text.slice(0, head).replaceAll(' ', replacement).length,
    }
    return before ? before(marked, isOn) : marked
  }
  return [{ kind: 'map', map }, ...(splits ? [splitting(openLiteral(replacement), 'MergedWithNext')] : [])]
}

/** Cuts a piece into words, for each of which `words` is called. */
export function cut(
  steps: readonly Step[],
  piece: Piece,
  isOn: boolean,
  words: (text: string) => void,
  at = 0,
): void {
  if (piece.text === '') return
  const step = steps[at]
  if (!step) {
    words(piece.text)
    return
  }
  switch (step.kind) {
    case 'map':
      cut(steps, step.map(piece, isOn), isOn, words, at + 1)
      return
    case 'bytes':
      cut(
        steps,
        {
          text: bytesAsLetters(piece.text),
          head: piece.head === 0 ? 0 : bytesAsLetters(piece.text.slice(0, piece.head)).length,
        },
        isOn,
        words,
        at + 1,
      )
      return
    case 'length': {
      const characters = Array.from(piece.text)
      let begin = 0
      for (let i = 0; i < characters.length; i += step.length) {
        const text = characters.slice(i, i + step.length).join('')
        cut(steps, { text, head: Math.max(0, piece.head - begin) }, isOn && begin === 0, words, at + 1)
        begin += text.length
      }
      return
    }
    case 'split': {
      const { text, head } = piece
      split(text, step, (begin, end) => {
        if (begin === end) return
        const part = { text: text.slice(begin, end), head: Math.max(0, head - begin) }
        cut(steps, part, isOn && begin === 0, words, at + 1)
      })
    }
  }
}
