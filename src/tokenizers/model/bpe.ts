/** Byte-pair encoding: the letters of a word become tokens, and pairs of them others. */
import { utf8Bytes } from '../text/utf8.ts'
import { merge } from './merge.ts'
import { Pairs } from './pairs.ts'

/** Two tokens that become one, as they are given: lists of two take megabytes. */
export type Merge = string | readonly string[]

export const pairOf = (merge: Merge): readonly string[] =>
  typeof merge === 'string' ? merge.split(' ') : merge

export interface BpeOptions {
  readonly unk_token: string | null
  /** Before every letter of a word but the first. */
  readonly continuing_subword_prefix: string
  /** Behind its last letter. */
  readonly end_of_word_suffix: string
  /** Unknown letters that follow each other are one unknown token. */
  readonly fuse_unk: boolean
  /** Unknown letters are spelled as tokens of bytes. */
  readonly byte_fallback: boolean
  /** A word that is a token is not merged from parts. */
  readonly ignore_merges: boolean
}

/** Words that are kept with their tokens, and how long they may be. */
const MAX_KEPT = 2 ** 15
const MAX_KEPT_LENGTH = 64

/** Makes a function that adds the tokens of a word to `ids`. `spell` changes the word first. */
export function openBpe(
  vocabulary: ReadonlyMap<string, number>,
  merges: readonly Merge[],
  options: BpeOptions,
  spell: (word: string) => string,
): (word: string, ids: number[]) => void {
  const { continuing_subword_prefix: prefix, end_of_word_suffix: suffix, fuse_unk, byte_fallback } = options
  const pairs = new Pairs(merges.length)
  for (const [rank, each] of merges.entries()) {
    const [left, right] = pairOf(each)
    pairs.set(
      vocabulary.get(left)!,
      vocabulary.get(right)!,
      rank,
      vocabulary.get(joined(left, right, prefix))!,
    )
  }
  const unknown = options.unk_token === null ? undefined : vocabulary.get(options.unk_token)
  const bytes = Array.from({ length: byte_fallback ? 256 : 0 }, (_, byte) =>
    vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  )
  let room = new Int32Array(256)
  let count = 0
  const put = (token: number): void => {
    if (count === room.length) {
      const larger = new Int32Array(room.length * 2)
      larger.set(room)
      room = larger
    }
    room[count++] = token
  }
  /** The tokens of letters, without what has none. */
  const letters = (word: string): void => {
    count = 0
    let isUnknown = false
    for (let at = 0; at < word.length;) {
      const letter = String.fromCodePoint(word.codePointAt(at)!)
      const end = at + letter.length
      const text =
        prefix === '' && suffix === ''
          ? letter
          : (at > 0 ? prefix : '') + letter + (end === word.length ? suffix : '')
      at = end
      const token = vocabulary.get(text)
      if (token !== undefined) {
        // What is unknown comes when something known follows, behind the bytes between, as it does in Rust.
        if (isUnknown) put(unknown!)
        isUnknown = false
        put(token)
        continue
      }
      const spelled = byte_fallback ? Array.from(utf8Bytes(text), (byte) => bytes[byte]) : [undefined]
      if (spelled.every((byte) => byte !== undefined)) {
        for (const byte of spelled) put(byte)
      } else if (unknown !== undefined) {
        if (isUnknown && !fuse_unk) put(unknown)
        isUnknown = true
      }
    }
    if (isUnknown) put(unknown!)
  }
  const kept = new Map<string, Int32Array>()
  return (word, ids) => {
    let tokens = kept.get(word)
    if (!tokens) {
      const spelled = spell(word)
      const whole = options.ignore_merges ? vocabulary.get(spelled) : undefined
      if (whole === undefined) {
        letters(spelled)
        tokens = room.slice(0, merge(room, count, pairs))
        if (room.length > 2 ** 16) room = new Int32Array(256)
      } else tokens = Int32Array.of(whole)
      if (word.length <= MAX_KEPT_LENGTH) {
        if (kept.size === MAX_KEPT) kept.clear()
        kept.set(word, tokens)
      }
    }
    for (let i = 0; i < tokens.length; i++) ids.push(tokens[i])
  }
}

/** What two tokens become: the prefix of the second falls away, however it begins. */
export function joined(left: string, right: string, prefix: string): string {
  return left + (prefix === '' ? right : right.slice(prefix.length))
}
