/** What a Sidewinder error carries besides its message. */
export interface ErrorDetails {
  /** The file, tensor, key or operation that the error is about. */
  readonly where?: string
  /** What the rule asks for. */
  readonly expected?: unknown
  /** What was there instead. */
  readonly found?: unknown
  /** What to do next. */
  readonly hint?: string
  /** The error that this one follows from. */
  readonly cause?: unknown
}

/** Base of all errors thrown on purpose: what was done, the rule, the value found, what to do next. */
export class SidewinderError extends Error {
  // Written out in each class: minifiers change the names of classes.
  override name = 'SidewinderError'
  /** The file, tensor, key or operation that the error is about. */
  readonly where: string | undefined
  /** What the rule asks for. */
  readonly expected: unknown
  /** What was there instead. */
  readonly found: unknown
  /** What to do next. */
  readonly hint: string | undefined

  constructor(rule: string, details: ErrorDetails = {}) {
    const { where, expected, found, hint, cause } = details
    let message = where === undefined ? rule : `[${where}] ${rule}`
    if (expected !== undefined) message += `; expected ${show(expected)}`
    if (found !== undefined) message += `${expected === undefined ? '; found' : ', found'} ${show(found)}`
    if (hint !== undefined) message += `. ${hint}`
    super(message, cause === undefined ? undefined : { cause })
    this.where = where
    this.expected = expected
    this.found = found
    this.hint = hint
  }
}

/** Tensors whose shapes or dtypes do not fit an operation. */
export class ShapeError extends SidewinderError {
  override name = 'ShapeError'
}
/** A missing or lost device, feature, or too little memory. */
export class DeviceError extends SidewinderError {
  override name = 'DeviceError'
}
/** A weights file that cannot be read, or does not match its configuration. */
export class CheckpointError extends SidewinderError {
  override name = 'CheckpointError'
}
/** A configuration, option or flag with an impossible value. */
export class ConfigError extends SidewinderError {
  override name = 'ConfigError'
}
/** A value used after its release, or a saved state that does not fit. */
export class StateError extends SidewinderError {
  override name = 'StateError'
}
/** NaN or Inf where numbers were expected. */
export class NumericsError extends SidewinderError {
  override name = 'NumericsError'
}

/**
 * Throws StateError if the body of `where` was asynchronous: what surrounds it ends when the body returns.
 */
export function expectSynchronous(where: string, result: unknown): void {
  if (result instanceof Promise) {
    // Nobody waits for it: its own failure is nobody's either.
    result.catch(() => undefined)
    throw new StateError('the body must not be asynchronous', {
      where,
      hint: 'Await before it or after it',
    })
  }
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : describe(value)
}

/** Most elements of a list that an error shows. */
const MAX_SHOWN = 100

/** A value in a few words, whatever it is: nothing of it runs, and no error comes out. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(clipped(value))
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    if (Array.isArray(value)) return describeList(value)
    const kind = Object.prototype.toString.call(value).slice(8, -1)
    if (ArrayBuffer.isView(value) && 'length' in value) return `${kind}(${String(value.length)})`
    if (kind === 'Object') return clipped(JSON.stringify(value) ?? 'an object')
    if (value instanceof Error) return clipped(value.message)
    return /^[AEIOU]/.test(kind) ? `an ${kind}` : `a ${kind}`
  } catch {
    return 'an object'
  }
}

function describeList(list: readonly unknown[]): string {
  const shown = list
    .slice(0, MAX_SHOWN)
    .map((each) => (typeof each === 'string' ? each : Array.isArray(each) ? '[…]' : describe(each)))
  return `[${shown.join(', ')}${list.length > MAX_SHOWN ? `, … (${list.length})` : ''}]`
}

const clipped = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)
