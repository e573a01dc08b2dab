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
  const around = postProcessor === null || postProcessor === undefined ? NOTHING : read(postProcessor, where)
  const added = around.before.length + around.after.length
  if (added > MAX_ADDED) {
    throw new CheckpointError('too many tokens are added', {
      where,
      expected: `at most ${MAX_ADDED}`,
      found: added,
    })
  }
  return around
}

const NOTHING: Around = { before: [], after: [] }

function read(postProcessor: unknown, where: string): Around {
  const kind = kindOf(postProcessor, where)
  switch (kind) {
    case 'ByteLevel':
      return NOTHING
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const { cls, sep } = checked(clsSepShape, postProcessor, where)
      return { before: [cls[1]], after: [sep[1]] }
    }
    case 'TemplateProcessing':
      return template(checked(templateShape, postProcessor, where), where)
    case 'Sequence': {
      const shape = v.object({ processors: v.pipe(v.array(v.unknown()), v.maxLength(32)) })
      const { processors } = checked(shape, postProcessor, where)
      const all = processors.map((each, i) => readPostProcessor(each, `${where}.processors.${i}`))
      // Each adds around what those before it have added.
      return {
        before: all.toReversed().flatMap((each) => each.before),
        after: all.flatMap((each) => each.after),
      }
    }
    default:
      return refuseKind('post-processor', kind, KINDS, where)
  }
}

function template({ single, special_tokens }: v.InferOutput<typeof templateShape>, where: string): Around {
  const places = single.flatMap((piece, i) => ('Sequence' in piece ? [i] : []))
  if (places.length !== 1) {
    throw new CheckpointError('the template must hold the text once', {
      where: `${where}.single`,
      found: `${places.length} times`,
    })
  }
  const idsOf = (piece: (typeof single)[number]): readonly number[] => {
    if (!('SpecialToken' in piece)) return []
    const { id } = piece.SpecialToken
    if (Object.hasOwn(special_tokens, id)) return special_tokens[id].ids
    throw new CheckpointError('the template names a token that special_tokens lacks', { where, found: id })
  }
  return {
    before: single.slice(0, places[0]).flatMap(idsOf),
    after: single.slice(places[0] + 1).flatMap(idsOf),
  }
}
