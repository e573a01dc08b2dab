/** The normalizer of a tokenizer.json. */
import * as v from 'valibot'
import { CheckpointError } from '../../errors.ts'
import { matching, WHITE_SPACE, type CodePoints } from '../pattern/code-points.ts'
import { openLiteral, openPattern, type Pattern } from '../pattern/pattern.ts'
import { bytesAsLetters } from '../text/byte-letters.ts'
import { checked, kindOf, patternShape, refuseKind, shortText } from './check.ts'
import { isMark, isNarrowMark } from './older-unicode.ts'
import { isChinese, toForm, type Form } from './unicode-forms.ts'

/**
 * A text on its way, and how many units at its beginning stand for the first character of the whole: a space
 * is put before that one only.
 */
export interface Piece {
  readonly text: string
  readonly head: number
}

/**
 * One step. `isOn` says that the text goes on from another: nothing is put before it, or taken from its
 * beginning.
 */
export type Normalize = (piece: Piece, isOn: boolean) => Piece

/** What a normalizer does, and what of it has words in other formats. */
export interface Normalizer {
  readonly normalize: Normalize
  readonly steps: readonly unknown[]
}

const FORMS: readonly Form[] = ['NFC', 'NFD', 'NFKC', 'NFKD']
const KINDS = [
  ...FORMS,
  'BertNormalizer',
  'ByteLevel',
  'Lowercase',
  'Nmt',
  'Prepend',
  'Replace',
  'Sequence',
  'Strip',
  'StripAccents',
] as const

/** How many times as long all replacements together may make a text. */
const MAX_GROWTH = 4096
const MAX_STEPS = 32
/**
 * How long they may make it: the most a text of a few characters grows, and how many times a longer one does.
 */
const FREE_LENGTH = 2 ** 20
const MAX_TIMES = 64

const replaceShape = v.object({ pattern: patternShape, content: shortText })
const stripShape = v.object({
  strip_left: v.optional(v.boolean(), true),
  strip_right: v.optional(v.boolean(), true),
})
const bertShape = v.object({
  clean_text: v.optional(v.boolean(), true),
  handle_chinese_chars: v.optional(v.boolean(), true),
  strip_accents: v.nullish(v.boolean()),
  lowercase: v.optional(v.boolean(), true),
})

interface Reading {
  readonly steps: Normalize[]
  readonly read: unknown[]
  growth: number
}

export function readNormalizer(normalizer: unknown, where: string): Normalizer | undefined {
  if (normalizer === null || normalizer === undefined) return undefined
  const reading: Reading = { steps: [], read: [], growth: 1 }
  addSteps(normalizer, where, reading)
  const { steps } = reading
  return {
    normalize(piece, isOn) {
      const most = Math.max(FREE_LENGTH, piece.text.length * MAX_TIMES)
      return steps.reduce((each, step) => {
        const next = step(each, isOn)
        if (next.text.length <= most) return next
        throw new CheckpointError('the normalizer makes the text too long', {
          where,
          expected: `at most ${most} characters`,
          found: next.text.length,
        })
      }, piece)
    },
    steps: reading.read,
  }
}

function addSteps(normalizer: unknown, where: string, reading: Reading): void {
  const kind = kindOf(normalizer, where)
  if (kind === 'Sequence') {
    const { normalizers } = checked(v.object({ normalizers: v.array(v.unknown()) }), normalizer, where)
    for (const [i, each] of normalizers.entries()) addSteps(each, `${where}.normalizers.${i}`, reading)
    return
  }
  if (reading.read.length === MAX_STEPS) {
    throw new CheckpointError('the normalizer has too many steps', {
      where,
      expected: `at most ${MAX_STEPS}`,
    })
  }
  const { steps, read } = reading
  const form = FORMS.find((each) => each === kind)
  if (form) steps.push(mapping((text) => toForm(text, form)))
  else if (kind === 'Lowercase') steps.push(mapping(lower))
  else if (kind === 'StripAccents') steps.push(without(isMark))
  else if (kind === 'ByteLevel') steps.push(mapping(bytesAsLetters))
  else if (kind === 'Nmt')
    steps.push(
      without(NMT_DROPPED),
      mapping((text) => text.replaceAll(NMT_SPACES, ' ')),
    )
  else if (kind === 'BertNormalizer') steps.push(...bert(checked(bertShape, normalizer, where)))
  else if (kind === 'Strip') {
    const shape = checked(stripShape, normalizer, where)
    steps.push(strip(shape.strip_left, shape.strip_right))
  } else if (kind === 'Prepend') {
    const { prepend } = checked(v.object({ prepend: shortText }), normalizer, where)
    read.push({ type: kind, prepend })
    steps.push(prepending(prepend))
    return
  } else if (kind === 'Replace') {
    const { pattern, content } = checked(replaceShape, normalizer, where)
    // Regular expressions may match nothing, which only adds.
    reading.growth *= 'Regex' in pattern ? 1 + content.length : Math.max(1, content.length)
    if (reading.growth > MAX_GROWTH) {
      throw new CheckpointError('replacements can make a text too long', {
        where,
        expected: `at most ${MAX_GROWTH} times as long`,
      })
    }
    read.push({ type: kind, pattern, content })
    const at = `${where}.pattern`
    steps.push(
      replacing('Regex' in pattern ? openPattern(pattern.Regex, at) : openLiteral(pattern.String), content),
    )
    return
  } else refuseKind('normalizer', kind, KINDS, where)
  read.push({ type: kind })
}

/** What is done to each character, or to neighbours. */
const mapping =
  (map: (text: string) => string): Normalize =>
  ({ text, head }) => ({ text: map(text), head: head === 0 ? 0 : map(text.slice(0, head)).length })

const without = (set: CodePoints): Normalize =>
  mapping((text) => {
    let result = ''
    for (const character of text) if (!set.has(character.codePointAt(0)!)) result += character
    return result
  })

/** Rust lowers each letter by itself, where JavaScript looks for the end of a word behind a sigma. */
const lower = (text: string): string => text.replaceAll('Σ', 'σ').toLowerCase()

const prepending =
  (prepend: string): Normalize =>
  (piece, isOn) =>
    piece.text === '' || isOn
      ? piece
      : { text: prepend + piece.text, head: piece.head === 0 ? 0 : piece.head + prepend.length }

function strip(left: boolean, right: boolean): Normalize {
  return ({ text, head }, isOn) => {
    const from = left && !isOn ? spacesAtStart(text) : 0
    const to = right ? Math.max(from, text.length - spacesAtEnd(text)) : text.length
    return { text: text.slice(from, to), head: Math.max(0, head - from) }
  }
}

function spacesAtStart(text: string): number {
  let count = 0
  while (count < text.length && WHITE_SPACE.has(text.charCodeAt(count))) count++
  return count
}

function spacesAtEnd(text: string): number {
  let count = 0
  while (count < text.length && WHITE_SPACE.has(text.charCodeAt(text.length - 1 - count))) count++
  return count
}

function replacing(pattern: Pattern, content: string): Normalize {
  return ({ text, head }) => {
    const parts: string[] = []
    let [at, length, newHead, inHead] = [0, 0, 0, head > 0]
    const add = (part: string, inside: number): void => {
      parts.push(part)
      length += part.length
      if (!inHead) return
      newHead += inside
      inHead = inside === part.length
    }
    pattern.each(text, (begin, end) => {
      if (begin > at) add(text.slice(at, begin), Math.min(begin, head) - Math.min(at, head))
      // What is put in stands where the last character that it replaces, or the one before it, stood.
      add(content, end - 1 < head ? content.length : 0)
      at = end
    })
    if (at < text.length) add(text.slice(at), Math.min(text.length, head) - Math.min(at, head))
    return { text: parts.join(''), head: newHead }
  }
}

const NMT_DROPPED = matching('[\\x01-\\x08\\x0B\\x0E-\\x1F\\x7F\\x8F\\x9F]')
const NMT_SPACES = /[\t\n\f\r\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/g
const BERT_DROPPED = matching(
  '(?![\\t\\n\\r])[\\0\\uFFFD\\p{Cc}\\p{Co}]|(?![\\u0890\\u0891\\u08E2\\u{110CD}\\u{13430}-\\u{1343F}])\\p{Cf}',
)

function bert(options: v.InferOutput<typeof bertShape>): Normalize[] {
  const spaces = /\p{White_Space}/gu
  const steps: Normalize[] = []
  if (options.clean_text)
    steps.push(
      without(BERT_DROPPED),
      mapping((text) => text.replaceAll(spaces, ' ')),
    )
  if (options.handle_chinese_chars) {
    steps.push(
      mapping((text) =>
        Array.from(text, (each) => (isChinese.has(each.codePointAt(0)!) ? ` ${each} ` : each)).join(''),
      ),
    )
  }
  if (options.strip_accents ?? options.lowercase) {
    steps.push(
      mapping((text) => toForm(text, 'NFD')),
      without(isNarrowMark),
    )
  }
  if (options.lowercase) steps.push(mapping(lower))
  return steps
}
