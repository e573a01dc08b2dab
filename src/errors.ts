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
    this.name = new.target.name
    this.where = where
    this.expected = expected
    this.found = found
    this.hint = hint
  }
}

/** Tensors whose shapes or dtypes do not fit an operation. */
export class ShapeError extends SidewinderError {}
/** A missing or lost device, feature, or too little memory. */
export class DeviceError extends SidewinderError {}
/** A weights file that cannot be read, or does not match its configuration. */
export class CheckpointError extends SidewinderError {}
/** A configuration, option or flag with an impossible value. */
export class ConfigError extends SidewinderError {}
/** A value used after its release, or a saved state that does not fit. */
export class StateError extends SidewinderError {}
/** NaN or Inf where numbers were expected. */
export class NumericsError extends SidewinderError {}

/**
 * Throws StateError if the body of `where` was asynchronous: what surrounds it ends when the body returns.
 */
export function expectSynchronous(where: string, result: unknown): void {
  if (result instanceof Promise) {
    throw new StateError('the body must not be asynchronous', {
      where,
      hint: 'Await before it or after it',
    })
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `[${value.join(', ')}]`
  return String(value)
}
