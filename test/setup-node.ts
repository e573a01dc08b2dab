/**
 * Dawn asks by `setImmediate`, again and again, whether the GPU is done, which takes a core from the software
 * adapter. Once in a millisecond is enough: a suite of many short steps takes two thirds of the time.
 */
const later = (callback: (...values: unknown[]) => void, ...values: unknown[]): NodeJS.Timeout =>
  setTimeout(callback, 1, ...values)
globalThis.setImmediate = later as unknown as typeof setImmediate
