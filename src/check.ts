/** Values from outside, checked against a schema. */
import * as v from 'valibot'
import { ConfigError, type ErrorDetails } from './errors.ts'

export type Schema = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>
export type ErrorClass = new (rule: string, details: ErrorDetails) => Error

/**
 * The value, with the type of the schema, whose messages say what was expected.
 *
 * @throws ConfigError, or a `Failure`, that names `where` and the key
 */
export function check<const S extends Schema>(
  value: unknown,
  schema: S,
  where: string,
  Failure: ErrorClass = ConfigError,
): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  const key = v.getDotPath(issue)
  const unknown = issue.type === 'strict_object' && issue.expected === 'never'
  const found = JSON.stringify(issue.input)?.slice(0, 100) ?? 'nothing'
  throw new Failure(unknown ? 'unknown key' : 'wrong value', {
    where: key === null ? where : `${where}: ${key}`,
    ...(unknown ? {} : { expected: issue.message, found }),
  })
}
