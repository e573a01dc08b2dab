/** Values from outside, checked against a schema. */
import * as v from 'valibot'
import { ConfigError, type ErrorDetails } from '../errors.ts'

type Schema = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>
type ErrorClass = new (rule: string, details: ErrorDetails) => Error

/** Parses and checks a file of JSON; errors name the file and the key. */
export function parseJson<const S extends Schema>(
  text: string,
  schema: S,
  where: string,
  Failure: ErrorClass = ConfigError,
): v.InferOutput<S> {
  return check(jsonOf(text, where, Failure), schema, where, Failure)
}

export function jsonOf(text: string, where: string, Failure: ErrorClass = ConfigError): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Failure('not JSON', { where, cause })
  }
}

/** A schema's messages say what was expected. */
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
