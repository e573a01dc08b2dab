/** The post-processor of a tokenizer.json: which tokens it puts around a text. */
import * as v from 'valibot'
import { CheckpointError } from '../../errors.ts'
import { checked, kindOf, refuseKind, shortText, tokenId } from './check.ts'

/** Ids before and after the ids of a text. */
export interface Around {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

const KINDS = ['BertProcessing', 'ByteLevel', 'RobertaProcessing', 'Sequence', 'TemplateProcessing'] as const
/** More tokens than any published tokenizer adds. */
const MAX_ADDED = 1024
const MAX_STEPS = 32

const ids = v.pipe(v.array(tokenId), v.maxLength(MAX_ADDED))
const templateShape = v.object({
  single: v.pipe(
    v.array(
      v.union([
        v.object({ SpecialToken: v.object({ id: shortText }) }),
        v.object({ Sequence: v.object({ id: v.literal('A') }) }),
      ]),
    ),
    v.maxLength(MAX_ADDED),
  ),
  special_tokens: v.record(v.string(), v.object({ ids })),
})
const wordAndId = v.tuple([v.string(), tokenId])
const clsSepShape = v.object({ cls: wordAndId, sep: wordAndId })

/** What the `post_processor` of a tokenizer.json adds to a text that stands alone. */
export function readPostProcessor(postProcessor: unknown, where: string): Around {
  if (postProcessor === null || postProcessor === undefined) return { before: [], after: [] }
  const all = process([[TEXT]], postProcessor, where, { steps: 0 }).flat()
  if (all.length > MAX_ADDED) {
    throw new CheckpointError('too many tokens are added', {
      where,
      expected: `at most ${MAX_ADDED}`,
      found: all.length - 1,
    })
  }
  const at = all.indexOf(TEXT)
  return { before: all.slice(0, at), after: all.slice(at + 1) }
}

/** Stands for the text among ids. */
const TEXT = -1

/** A text is one part; a template makes several, around each of which a later step adds. */
type Parts = readonly (readonly number[])[]

function process(parts: Parts, postProcessor: unknown, where: string, count: { steps: number }): Parts {
  if (++count.steps > MAX_STEPS) {
    throw new CheckpointError('the post-processor has too many steps', {
      where,
      expected: `at most ${MAX_STEPS}`,
    })
  }
  const kind = kindOf(postProcessor, where)
  switch (kind) {
    case 'ByteLevel':
      return parts
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const { cls, sep } = checked(clsSepShape, postProcessor, where)
      // A second part is a second text for both; only Roberta's separates it on both sides.
      const before = kind === 'BertProcessing' ? [] : [sep[1]]
      return parts.map((part, i) => [...(i === 0 ? [cls[1]] : before), ...part, sep[1]])
    }
    case 'TemplateProcessing':
      return template(parts, checked(templateShape, postProcessor, where), where)
    case 'Sequence': {
      const shape = v.object({ processors: v.pipe(v.array(v.unknown()), v.maxLength(32)) })
      const { processors } = checked(shape, postProcessor, where)
      return processors.reduce<Parts>((all, each, i) => {
        const next = process(all, each, `${where}.processors.${i}`, count)
        return next.length <= MAX_ADDED ? next : [next.flat()]
      }, parts)
    }
    default:
      return refuseKind('post-processor', kind, KINDS, where)
  }
}

function template(
  parts: Parts,
  { single, special_tokens }: v.InferOutput<typeof templateShape>,
  where: string,
): Parts {
  if (parts.length !== 1) throw new CheckpointError('a template behind a template is not read', { where })
  const places = single.filter((piece) => 'Sequence' in piece).length
  if (places !== 1) {
    throw new CheckpointError('the template must hold the text once', {
      where: `${where}.single`,
      found: `${places} times`,
    })
  }
  return single.map((piece) => {
    if (!('SpecialToken' in piece)) return parts[0]
    const { id } = piece.SpecialToken
    if (Object.hasOwn(special_tokens, id)) return special_tokens[id].ids
    throw new CheckpointError('the template names a token that special_tokens lacks', { where, found: id })
  })
}
