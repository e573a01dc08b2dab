import { clip, isJsonObject } from '../../checkpoints/json.ts'
import { ConfigError } from '../../errors.ts'

/** More layers than this are no model, but a file that wants memory. */
const MAX_LAYERS = 4096

/** Typed access to a parsed configuration: what is missing or wrong is an error that names file and key. */
export class Fields {
  /** What errors call the file. */
  readonly where: string
  readonly #json: Readonly<Record<string, unknown>>
  readonly #read = new Set<string>()
  readonly #parts = new Map<string, Fields>()

  constructor(json: Readonly<Record<string, unknown>>, where: string) {
    this.#json = json
    this.where = where
  }

  /** How errors name a key. */
  at(key: string): string {
    return `${this.where}: ${key}`
  }

  /** An object below a key; without keys if it is absent. */
  part(key: string): Fields {
    const value = this.optional(key) ?? {}
    if (!isJsonObject(value)) this.#refuse(key, 'an object', value)
    const part = this.#parts.get(key) ?? new Fields(value, this.at(key))
    this.#parts.set(key, part)
    return part
  }

  /** The paths of keys that have a value and that nobody asked for. */
  unread(): string[] {
    const own = Object.keys(this.#json).filter(
      (key) => !this.#read.has(key) && (this.#json[key] ?? undefined) !== undefined,
    )
    const below = [...this.#parts].flatMap(([key, part]) => part.unread().map((path) => `${key}.${path}`))
    return [...own.map(clip), ...below]
  }

  /** Whether the key stands there as null. */
  isNull(key: string): boolean {
    return Object.hasOwn(this.#json, key) && this.#json[key] === null
  }

  /** The value, or undefined if absent or null. */
  optional(key: string): unknown {
    this.#read.add(key)
    return Object.hasOwn(this.#json, key) ? (this.#json[key] ?? undefined) : undefined
  }

  value(key: string): unknown {
    const value = this.optional(key)
    if (value === undefined) throw new ConfigError('missing key', { where: this.at(key) })
    return value
  }

  text(key: string): string {
    const value = this.value(key)
    if (typeof value !== 'string') this.#refuse(key, 'a string', value)
    return value
  }

  number(key: string, fallback?: number): number {
    const value = fallback === undefined ? this.value(key) : (this.optional(key) ?? fallback)
    if (typeof value !== 'number' || Number.isNaN(value)) this.#refuse(key, 'a number', value)
    return value
  }

  positive(key: string, fallback?: number): number {
    const value = this.number(key, fallback)
    if (!Number.isSafeInteger(value) || value <= 0) this.#refuse(key, 'a positive integer', value)
    return value
  }

  /** A whole number that may be zero. */
  whole(key: string, fallback?: number): number {
    const value = this.number(key, fallback)
    if (!Number.isSafeInteger(value) || value < 0) this.#refuse(key, 'a whole number, not negative', value)
    return value
  }

  /** A number of layers. */
  layers(key: string, fallback?: number): number {
    const value = this.positive(key, fallback)
    if (value > MAX_LAYERS) this.#refuse(key, `at most ${MAX_LAYERS}`, value)
    return value
  }

  /** The range that delta is clamped to; nothing where the range is all there is. */
  deltaLimit(key: string): { readonly deltaLimit?: readonly [number, number] } {
    const [low, high] = this.range(key, [0, Number.POSITIVE_INFINITY])
    return low > 0 || high < Number.POSITIVE_INFINITY ? { deltaLimit: [low, high] } : {}
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.optional(key) ?? fallback
    if (typeof value !== 'boolean') this.#refuse(key, 'true or false', value)
    return value
  }

  /** Two numbers, the first not above the second. */
  range(key: string, fallback: readonly [number, number]): readonly [number, number] {
    const value = this.optional(key) ?? fallback
    const valid =
      Array.isArray(value) &&
      value.length === 2 &&
      value.every((each) => typeof each === 'number') &&
      value[0] <= value[1]
    if (!valid) this.#refuse(key, 'two numbers in order', value)
    return value as [number, number]
  }

  #refuse(key: string, expected: string, found: unknown): never {
    throw new ConfigError('wrong value', { where: this.at(key), expected, found: JSON.stringify(found) })
  }
}
