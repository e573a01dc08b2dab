/** JSON from outside, checked against a schema. */
import type * as v from 'valibot'
import { crc32 } from '../checkpoints/crc32.ts'
import { check, type ErrorClass, type Schema } from '../check.ts'
import { ConfigError } from '../errors.ts'

/** Parses and checks a file of JSON; errors name the file and the key. */
export function readChecked<const S extends Schema>(
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

/** The CRC-32 of a value as JSON without spaces. */
export const crc32OfJson = (value: object): number => crc32(new TextEncoder().encode(JSON.stringify(value)))
