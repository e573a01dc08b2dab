/** UTF-8 that arrives in pieces. */

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** `text` as UTF-8; lone surrogates become U+FFFD. */
export function utf8Bytes(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text)
}

/** `text` with each lone surrogate replaced by U+FFFD, as UTF-8 would have it. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD')
}

/** Bytes to text. What is held back is a character that is incomplete so far, and valid so far. */
export class Utf8Text {
  #open: Uint8Array<ArrayBuffer> = new Uint8Array(0)

  /** Bytes held back: 0 to 3. */
  get held(): number {
    return this.#open.length
  }

  /** The text that has become certain. What is no UTF-8 becomes U+FFFD, as in the Encoding standard. */
  push(bytes: ArrayLike<number>): string {
    const all = new Uint8Array(this.#open.length + bytes.length)
    all.set(this.#open)
    all.set(bytes, this.#open.length)
    // An incomplete character begins with a byte that begins one anywhere: what is before it decodes on its
    // own.
    const certain = all.length - openBytes(all)
    this.#open = all.slice(certain)
    return decoder.decode(all.subarray(0, certain))
  }

  finish(): string {
    const text = decoder.decode(this.#open)
    this.#open = new Uint8Array(0)
    return text
  }
}

/** How many bytes at the end are the beginning of a character whose other bytes may still come. */
function openBytes(bytes: Uint8Array): number {
  for (let count = 1; count <= Math.min(3, bytes.length); count++) {
    const end = bytes.subarray(bytes.length - count)
    if (end[0] < 0x80) return 0
    if (end[0] >= 0xc0) return characterState(end) === 'open' ? count : 0
  }
  return 0
}

/**
 * What bytes are, of which all but the last were an open character: a whole one, still open, or none whatever
 * follows.
 */
export function characterState(bytes: ArrayLike<number>): 'whole' | 'open' | 'broken' {
  const [length, least, most] = sequenceOf(bytes[0])
  for (let i = 1; i < bytes.length; i++) {
    const [low, high] = i === 1 ? [least, most] : [0x80, 0xbf]
    if (bytes[i] < low || bytes[i] > high) return 'broken'
  }
  return bytes.length === length ? 'whole' : bytes.length < length ? 'open' : 'broken'
}

/** Length of the sequence that a byte leads (0: none), and the range of the second byte. */
function sequenceOf(lead: number): readonly [length: number, least: number, most: number] {
  if (lead < 0x80) return [1, 0, 0]
  if (lead < 0xc2 || lead > 0xf4) return [0, 0, 0]
  if (lead < 0xe0) return [2, 0x80, 0xbf]
  if (lead < 0xf0) return [3, lead === 0xe0 ? 0xa0 : 0x80, lead === 0xed ? 0x9f : 0xbf]
  return [4, lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf]
}
