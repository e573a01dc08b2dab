/** Reading config.json as it is published, which is not always JSON. */
import { ConfigError } from '../errors.ts'
import { isJsonObject, parseJson, showPosition, type JsonObject } from './json.ts'

/** How transformers 5 spells numbers that JSON lacks: `{"__float__": "Infinity"}`. */
const FLOAT = '__float__'
const FLOATS: ReadonlyMap<unknown, number> = new Map([
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['NaN', Number.NaN],
])

/**
 * The object in a published config.json. Besides JSON it reads a byte order mark, the bare words `Infinity`,
 * `-Infinity` and `NaN` (Python's writer), and `{"__float__": "Infinity"}` (transformers 5), each as the
 * number it means.
 *
 * @throws ConfigError naming the file and the position
 */
export function parseConfigText(text: string, where = 'config.json'): Readonly<Record<string, unknown>> {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text
  const fail = (rule: string, offset: number): never => {
    throw new ConfigError(`${rule} at ${showPosition(plain, offset)}`, { where })
  }
  const revive = (object: JsonObject, offset: number): unknown => {
    if (!Object.hasOwn(object, FLOAT) || Object.keys(object).length !== 1) return object
    return FLOATS.get(object[FLOAT]) ?? fail(`unknown ${FLOAT}`, offset)
  }
  const value = parseJson(plain, { fail, nonFinite: true, revive })
  if (!isJsonObject(value)) {
    const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
    throw new ConfigError('the configuration is not a JSON object', { where, expected: '{ … }', found })
  }
  return value
}
