/** Checks of what a tokenizer's files say. */
import * as v from 'valibot'
import { clip } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'

type Schema = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>

/**
 * `value` as `schema` has it, without keys that it does not name. `where` names the file and the key of the
 * value.
 */
export function checked<const S extends Schema>(schema: S, value: unknown, where: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  const key = v.getDotPath(issue)
  throw new CheckpointError('wrong value', {
    where: key === null ? where : `${where}.${clip(key)}`,
    expected: issue.expected ?? issue.message,
    found: clip(issue.received),
  })
}

/** Refuses a kind that is not read, by its name. */
export function refuseKind(what: string, type: string, known: readonly string[], where: string): never {
  throw new CheckpointError(`this ${what} is not read`, { where, expected: known, found: clip(type) })
}

/** The `type` of a part of a tokenizer. */
export function kindOf(value: unknown, where: string): string {
  return checked(v.object({ type: v.string() }), value, where).type
}

/** Text of which a part is made; longer ones are in no published tokenizer. */
export const shortText = v.pipe(v.string(), v.maxLength(256))

/**
 * A pattern of a tokenizer.json: text, or a regular expression. Longer ones are in no published tokenizer.
 */
export const patternShape = v.union([
  v.object({ String: v.pipe(shortText, v.nonEmpty()) }),
  v.object({ Regex: v.pipe(v.string(), v.nonEmpty(), v.maxLength(2 ** 14)) }),
])

/** More than published tokenizers have; bounds what memory a file can ask for by naming an id. */
export const tokenId = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(2 ** 24 - 1))
