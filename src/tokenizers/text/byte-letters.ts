/** Bytes as the characters that byte-level BPE spells them with. */
import { utf8Bytes } from './utf8.ts'

/** Printable ones of Latin-1 are themselves, others are characters from U+0100 on, in order. */
const isPrintable = (byte: number): boolean =>
  (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte <= 0xff && byte !== 0xad)

/** The characters of all bytes, in order. */
export const BYTE_LETTERS: readonly string[] = (() => {
  let others = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : others++))
})()

/** The bytes of UTF-8, spelled. */
export function bytesAsLetters(text: string): string {
  let result = ''
  for (const byte of utf8Bytes(text)) result += BYTE_LETTERS[byte]
  return result
}
