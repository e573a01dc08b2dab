/** The normalizer of a tokenizer.json, as `@huggingface/tokenizers` 0.2 takes it. */
import * as v from 'valibot'
import { CheckpointError } from '../../errors.ts'
import { checked, kindOf, refuseKind, shortText } from './check.ts'
import { patternShape, type LibraryPart } from './pre-tokenizer.ts'

const PLAIN_KINDS = ['Lowercase', 'NFC', 'NFD', 'NFKC', 'NFKD', 'StripAccents'] as const
const KINDS = [...PLAIN_KINDS, 'Prepend', 'Replace', 'Sequence', 'Strip'] as const

/** How many times as long all replacements together may make a text. */
const MAX_GROWTH = 4096
/** Each step may make three characters of one (NFKD more, but not twice). */
const MAX_STEPS = 32

const replaceShape = v.object({ pattern: patternShape, content: shortText })
const stripShape = v.object({
  strip_left: v.optional(v.boolean(), true),
  strip_right: v.optional(v.boolean(), true),
})

interface Bounds {
  steps: number
  growth: number
}

/** The library's form of the `normalizer` of a tokenizer.json. */
export function readNormalizer(normalizer: unknown, where: string): LibraryPart | null {
  if (normalizer === null || normalizer === undefined) return null
  return { type: 'Sequence', normalizers: stepsOf(normalizer, where, { steps: 0, growth: 1 }) }
}

function stepsOf(normalizer: unknown, where: string, bounds: Bounds): LibraryPart[] {
  const kind = kindOf(normalizer, where)
  if (++bounds.steps > MAX_STEPS) {
    throw new CheckpointError('the normalizer has too many steps', {
      where,
      expected: `at most ${MAX_STEPS}`,
    })
  }
  if (PLAIN_KINDS.some((plain) => plain === kind)) return [{ type: kind }]
  switch (kind) {
    case 'Sequence': {
      const { normalizers } = checked(v.object({ normalizers: v.array(v.unknown()) }), normalizer, where)
      return normalizers.flatMap((each, i) => stepsOf(each, `${where}.normalizers.${i}`, bounds))
    }
    case 'Prepend':
      return [{ type: kind, ...checked(v.object({ prepend: shortText }), normalizer, where) }]
    case 'Replace': {
      const { pattern, content } = checked(replaceShape, normalizer, where)
      // Regular expressions may match nothing, which only adds.
      bounds.growth *= 'Regex' in pattern ? 1 + content.length : Math.max(1, content.length)
      if (bounds.growth > MAX_GROWTH) {
        throw new CheckpointError('replacements can make a text too long', {
          where,
          expected: `at most ${MAX_GROWTH} times as long`,
        })
      }
      return [replace(pattern, content)]
    }
    case 'Strip': {
      const { strip_left, strip_right } = checked(stripShape, normalizer, where)
      return [
        ...(strip_left ? [replace({ Regex: '\\A\\s+' }, '')] : []),
        // A match begins at the beginning of a run of spaces only: else each of a long run would be tried.
        ...(strip_right ? [replace({ Regex: '(?<!\\s)\\s+\\z' }, '')] : []),
      ]
    }
    default:
      return refuseKind('normalizer', kind, KINDS, where)
  }
}

/** The library replaces as `String.replaceAll` does, for which `$` is special. */
const replace = (pattern: v.InferOutput<typeof patternShape>, content: string): LibraryPart => ({
  type: 'Replace',
  pattern,
  content: content.replaceAll('$', '$$$$'),
})
