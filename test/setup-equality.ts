/**
 * `toEqual` compares typed arrays element by element, a megabyte in a second. Arrays of one type with the same bytes are equal
 * without that; all others take the usual way, which shows where they differ.
 */
import { expect } from 'vitest'

const bytesOf = (x: unknown): Uint8Array | undefined =>
  ArrayBuffer.isView(x) ? new Uint8Array(x.buffer, x.byteOffset, x.byteLength) : undefined

function sameBytes(a: unknown, b: unknown): boolean | undefined {
  const [one, other] = [bytesOf(a), bytesOf(b)]
  if (!one || !other || (a as object).constructor !== (b as object).constructor) return undefined
  if (one.length !== other.length) return undefined
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return undefined
  return true
}

expect.addEqualityTesters([sameBytes])
