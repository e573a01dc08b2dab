/**
 * The pre-tokenizer of a tokenizer.json, as `@huggingface/tokenizers` 0.2 does it right. It differs from the
 * tokenizers library in what a split does besides isolating matches, and in what counts as space, digit and
 * word in its own patterns; patterns that are given to it mean the same in both. So all kinds are written as
 * patterns whose matches are isolated.
 */
import * as v from 'valibot'
import { clip } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'
import { checked, kindOf, refuseKind, shortText } from './check.ts'

/** A part of what the library takes. */
export type LibraryPart = Readonly<Record<string, unknown>>

const KINDS = [
  'ByteLevel',
  'Digits',
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
/** Letters, marks, digits, connectors, and the two joiners. */
const WORD = '\\w\\u200C\\u200D'
/** Punctuation of Unicode, and what else ASCII counts as such. */
export const PUNCTUATION_PATTERN = '[\\p{P}$+<=>\\^`|~]'

const behavior = v.picklist(['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'])
type Behavior = v.InferOutput<typeof behavior>

/**
 * A pattern of a tokenizer.json: text, or a regular expression. Longer ones are in no published tokenizer.
 */
export const patternShape = v.union([
  v.object({ String: v.pipe(shortText, v.nonEmpty()) }),
  v.object({ Regex: v.pipe(v.string(), v.nonEmpty(), v.maxLength(2 ** 14)) }),
])

const byteLevelShape = v.object({
  add_prefix_space: v.optional(v.boolean(), true),
  use_regex: v.optional(v.boolean(), true),
})
const metaspaceShape = v.object({
  replacement: v.pipe(v.string(), v.regex(/^[^]$/u)),
  prepend_scheme: v.optional(v.picklist(['always', 'first', 'never'])),
  add_prefix_space: v.optional(v.boolean(), true),
  split: v.optional(v.boolean(), true),
})
const splitShape = v.object({ pattern: patternShape, behavior, invert: v.optional(v.boolean(), false) })

/** More steps than any published pre-tokenizer has. */
const MAX_STEPS = 32

/** The library's form of the `pre_tokenizer` of a tokenizer.json. */
export function readPreTokenizer(preTokenizer: unknown, where: string): LibraryPart | null {
  if (preTokenizer === null || preTokenizer === undefined) return null
  const steps = stepsOf(preTokenizer, where)
  if (steps.length > MAX_STEPS) {
    throw new CheckpointError('the pre-tokenizer has too many steps', {
      where,
      expected: `at most ${MAX_STEPS}`,
      found: steps.length,
    })
  }
  // Each makes two characters of one: the text would grow with every step.
  if (steps.filter((step) => step['type'] === 'ByteLevel').length > 1) {
    throw new CheckpointError('the pre-tokenizer turns text into bytes twice', { where })
  }
  return { type: 'Sequence', pretokenizers: steps }
}

function stepsOf(preTokenizer: unknown, where: string): LibraryPart[] {
  const kind = kindOf(preTokenizer, where)
  switch (kind) {
    case 'Sequence': {
      const { pretokenizers } = checked(
        v.object({ pretokenizers: v.array(v.unknown()) }),
        preTokenizer,
        where,
      )
      return pretokenizers.flatMap((each, i) => stepsOf(each, `${where}.pretokenizers.${i}`))
    }
    case 'ByteLevel': {
      const { add_prefix_space, use_regex } = checked(byteLevelShape, preTokenizer, where)
      return byteLevel(use_regex, add_prefix_space)
    }
    case 'Metaspace':
      return metaspace(checked(metaspaceShape, preTokenizer, where))
    case 'Split': {
      const { pattern, behavior, invert } = checked(splitShape, preTokenizer, where)
      return [split('Regex' in pattern ? pattern.Regex : literal(pattern.String), behavior, invert, where)]
    }
    case 'Digits': {
      const { individual_digits } = checked(
        v.object({ individual_digits: v.optional(v.boolean(), false) }),
        preTokenizer,
        where,
      )
      return [isolate(individual_digits ? '\\p{N}' : '\\p{N}+')]
    }
    case 'Punctuation': {
      const shape = v.object({ behavior: v.optional(behavior, 'Isolated') })
      return [split(PUNCTUATION_PATTERN, checked(shape, preTokenizer, where).behavior, false, where)]
    }
    case 'Whitespace':
      return [split(`[${WORD}]+|[^${WORD}\\s]+`, 'Removed', true, where)]
    case 'WhitespaceSplit':
      return [split('\\s+', 'Removed', false, where)]
    default:
      return refuseKind('pre-tokenizer', kind, KINDS, where)
  }
}

function byteLevel(splits: boolean, prefixSpace: boolean): LibraryPart[] {
  // Of the library's own, this one leaves the text as it is, but for a space at its beginning if there is
  // none.
  const space = { type: 'Metaspace', replacement: ' ', prepend_scheme: 'always' }
  return [
    ...(prefixSpace ? [space] : []),
    ...(splits ? [isolate(GPT2_PATTERN)] : []),
    { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
  ]
}

function metaspace(part: v.InferOutput<typeof metaspaceShape>): LibraryPart[] {
  const { replacement, prepend_scheme, add_prefix_space, split: splits } = part
  const scheme = prepend_scheme ?? (add_prefix_space ? 'always' : 'never')
  const spaces = { type: 'Metaspace', replacement, prepend_scheme: scheme }
  return splits ? [spaces, split(literal(replacement), 'MergedWithNext', false, '')] : [spaces]
}

const isolate = (regex: string): LibraryPart => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior: 'Isolated',
  invert: false,
})

/** What is no match runs up to the next one, as matches are looked for from left to right. */
function split(regex: string, behavior: Behavior, invert: boolean, where: string): LibraryPart {
  const others = `(?:(?!${regex})[\\s\\S])*`
  if (behavior === 'Isolated') return isolate(regex)
  if (behavior === 'Contiguous') return isolate(`(?:${regex})+`)
  if (behavior === 'Removed') {
    // Splitting a string in JavaScript keeps what groups catch.
    if (!invert && /\((?!\?[:=!>]|\?<[=!])/.test(regex.replaceAll(/\\./g, ''))) {
      throw new CheckpointError('the pattern of what is removed has groups that catch', {
        where,
        found: clip(regex),
      })
    }
    return { type: 'Split', pattern: { Regex: regex }, behavior, invert }
  }
  // Inverted, what is between matches goes with the match on its other side.
  const withNext = (behavior === 'MergedWithNext') !== invert
  return isolate(withNext ? `(?:${regex})${others}` : `${others}(?:${regex})?`)
}

/** A pattern that matches `text`. */
const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
