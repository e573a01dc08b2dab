/** Values from outside, checked where they come in: arguments, options, files. */
import * as v from 'valibot'
import { ConfigError, describe, type ErrorDetails } from './errors.ts'

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
  const result = looking(where, () => v.safeParse(schema, value, { abortEarly: true }))
  if (result.success) return result.output
  const [issue] = result.issues
  const key = v.getDotPath(issue)
  const unknown = issue.type === 'strict_object' && issue.expected === 'never'
  throw new Failure(unknown ? 'unknown key' : 'wrong value', {
    where: key === null ? where : `${where}: ${key}`,
    ...(unknown ? {} : { expected: issue.message, found: describe(issue.input) }),
  })
}

/** A schema whose output is a `T`. */
type SchemaOf<T> = v.GenericSchema<unknown, T>

/** An option that must be given. */
interface Needed<T> {
  readonly needed: SchemaOf<T>
}

/** Marks an option that has no default. */
export const needed = <T>(schema: SchemaOf<T>): Needed<T> => ({ needed: schema })

/** A schema for each option of `T`: the compiler refuses a declaration that has more or fewer. */
export type Declared<T> = {
  readonly [K in keyof T]-?: undefined extends T[K] ? SchemaOf<Exclude<T[K], undefined>> : Needed<T[K]>
}

/**
 * A reader of options. It takes any value, says what is wrong with it, and gives the options that were set as
 * a plain object that nothing changes any more. `where` names the call.
 *
 * @throws ConfigError for what is no object, for unknown options and for wrong values
 */
export function optionsOf<T extends object>(declared: Declared<T>): (options: unknown, where: string) => T {
  const entries = Object.entries<SchemaOf<unknown> | Needed<unknown>>(declared)
  return (options, where) => {
    if (options !== undefined && !isRecord(options)) {
      throw new ConfigError('not options', {
        where,
        expected: `an object with ${known(Object.keys(declared))}`,
        found: describe(options),
      })
    }
    const given: Record<string, unknown> = looking(where, () => copyOf(options ?? {}, Object.keys(declared)))
    expectKnown(Object.keys(given), Object.keys(declared), where)
    const read: Record<string, unknown> = {}
    for (const [name, entry] of entries) {
      const value = given[name]
      const schema = 'needed' in entry ? entry.needed : entry
      if (value !== undefined || schema !== entry) read[name] = check(value, schema, `${where}: ${name}`)
    }
    return read as T
  }
}

/** Throws ConfigError for a name that is not known, with the nearest that is. */
function expectKnown(names: readonly string[], all: readonly string[], where: string): void {
  const unknown = names.find((name) => !all.includes(name))
  if (unknown === undefined) return
  const meant = nearest(unknown, all)
  throw new ConfigError('unknown option', {
    where: `${where}: ${unknown.slice(0, 100)}`,
    hint: meant === undefined ? `There is ${known(all)}` : `Did you mean ${meant}?`,
  })
}

const known = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))

/** Whatever a value throws when it is looked at is an error of that value. */
export function looking<T>(where: string, look: () => T): T {
  try {
    return look()
  } catch (cause) {
    throw new ConfigError('the value cannot be read', { where, cause, found: describe(cause) })
  }
}

/** Looks at each option once: own and inherited ones, also those that are unknown. */
function copyOf(options: object, names: readonly string[]): Record<string, unknown> {
  const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  // oxlint-disable-next-line guard-for-in -- inherited options count
  for (const name in options) copy[name] = (options as Record<string, unknown>)[name]
  for (const name of names) {
    if (!(name in copy)) copy[name] = (options as Record<string, unknown>)[name]
  }
  return copy
}

/** Objects of a kind of their own (lists, maps, buffers, promises) are no options. */
function isRecord(value: unknown): value is object {
  try {
    return typeof value === 'object' && Object.prototype.toString.call(value) === '[object Object]'
  } catch {
    return false
  }
}

/** The name that was probably meant: the same letters in another spelling, or at most two of them wrong. */
function nearest(name: string, all: readonly string[]): string | undefined {
  const wanted = plain(name.slice(0, 50))
  const ranked = all
    .map((each) => ({ each, distance: distanceOf(wanted, plain(each)) }))
    .toSorted((a, b) => a.distance - b.distance)
  const [first] = ranked
  return first && first.distance <= Math.min(2, Math.floor(wanted.length / 2)) ? first.each : undefined
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/** Letters to insert, delete or replace (Levenshtein 1966). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]
}

/** A whole number. The message of each schema says what is expected. */
export const whole = (low: number, high: number) => {
  const expected = `a whole number from ${low} to ${high}`
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(low, expected),
    v.maxValue(high, expected),
  )
}

export const between = (low: number, high: number) => {
  const expected = `a number from ${low} to ${high}`
  return v.pipe(v.number(expected), v.minValue(low, expected), v.maxValue(high, expected))
}

export const oneOf = <const T extends readonly string[]>(names: T) => v.picklist(names, names.join(', '))

/** Words on a command line: the name of a column, or a path. */
export const word = (expected: string) => v.pipe(v.string(expected), v.nonEmpty(expected))

/** How many there are of something: what memory cannot hold is refused where it is asked for. */
export const countFrom = (least: number) => {
  const expected = `a whole number, ${least} or more`
  return v.pipe(v.number(expected), v.safeInteger(expected), v.minValue(least, expected))
}

/** Every seed has random numbers of its own. */
export const seed = v.pipe(
  v.number('a whole number up to 2^53 - 1'),
  v.safeInteger('a whole number up to 2^53 - 1'),
)
export const flag = v.boolean('true or false')
export const text = v.string('a text')
/** A function of the caller's: what it takes cannot be seen, so it goes for any. */
export const callback = v.custom<never>((value) => typeof value === 'function', 'a function')
/** An object that has these methods. */
export const objectWith = <T>(expected: string, ...methods: readonly string[]) =>
  v.custom<T>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
    expected,
  )
export const abortSignal = objectWith<AbortSignal>('an AbortSignal', 'throwIfAborted', 'addEventListener')

/** Numbers as callers have them: a list, or an array of any width. Who reads them checks what they are. */
export const NUMBERS = v.custom<ArrayLike<number>>(
  (value) => isIds(value) && !isDetached(value),
  'a list or an array of numbers',
)

/** Token ids as callers have them: a list, or an array of integers of any width. */
export type TokenIds =
  | readonly number[]
  | Int32Array
  | Uint32Array
  | Uint16Array
  | Int16Array
  | Uint8Array
  | BigInt64Array

/** Whether a value can be a list of token ids. */
export function isIds(value: unknown): value is TokenIds {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value)
}

/** Token ids as a list of its own. Their range is not checked. Throws ConfigError for what is no list. */
export function idsOf(value: unknown, where: string): number[] {
  if (isIds(value) && !isDetached(value)) {
    const ids: readonly (number | bigint)[] = looking(where, () => Array.from<number | bigint>(value))
    return ids.map((id) => (typeof id === 'bigint' ? Number(id) : id))
  }
  throw new ConfigError('not tokens', {
    where,
    expected: 'a list of token ids',
    found: isIds(value) ? 'an array whose memory was given away' : describe(value),
  })
}

/** Bytes as callers have them. */
export type Bytes = ArrayBufferLike | ArrayBufferView | Blob

/** The bytes of what a caller gives for a file. Throws ConfigError for anything else. */
export async function bytesOf(value: unknown, where: string): Promise<Uint8Array> {
  if (ArrayBuffer.isView(value) && !isDetached(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }
  if (isBuffer(value) && !isDetached({ buffer: value })) return new Uint8Array(value)
  if (value instanceof Blob) return new Uint8Array(await value.arrayBuffer())
  throw new ConfigError('not bytes', {
    where,
    expected: 'a Uint8Array, another array of numbers, an ArrayBuffer or a Blob',
    found: describe(value),
  })
}

/** Memory of another realm (a frame, a worker's test environment) is memory too. */
const isBuffer = (value: unknown): value is ArrayBufferLike =>
  /^(Shared)?ArrayBuffer$/.test(looking('bytes', () => Object.prototype.toString.call(value).slice(8, -1)))

/** Whether the memory went to another thread (`postMessage` with a transfer). Older engines do not say. */
const isDetached = (view: object): boolean =>
  (view as { readonly buffer?: { readonly detached?: boolean } }).buffer?.detached === true
