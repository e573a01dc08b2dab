/** JSON from outside, checked against a schema. */
import type * as v from 'valibot'
import { crc32, damaged, expectCrc32 } from '../checkpoints/crc32.ts'
import { isJsonObject } from '../checkpoints/json.ts'
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

/** The object with its CRC-32 behind the other keys. */
export const sealed = (object: object): object => ({ ...object, crc32: crc32OfJson(object) })

/**
 * What was sealed, as it is read again. What was written without a checksum, by a version of before, is taken
 * as it is.
 *
 * @throws CheckpointError if it is not what was written
 */
export function unsealed(json: unknown, where: string, hint: string): unknown {
  if (!isJsonObject(json) || !Object.hasOwn(json, 'crc32')) return json
  const { crc32: expected, ...object } = json
  if (typeof expected !== 'number') damaged(where, hint)
  expectCrc32(expected, crc32OfJson(object), where, hint)
  return object
}
