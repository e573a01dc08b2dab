/**
 * Reads the front of a file of unknown length in pieces that grow, so that a large file costs no more than
 * its header.
 */
import { CheckpointError } from '../../errors.ts'
import type { FileSource } from '../source.ts'

const FIRST_PIECE = 64 * 1024
/**
 * Longer text than this is refused; the longest that is published, a chat template, has some ten thousand
 * bytes.
 */
const MAX_TEXT = 64 * 2 ** 20
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const LOSSY = new TextDecoder('utf-8', { ignoreBOM: true })

export class HeaderCursor {
  readonly file: string
  readonly #source: FileSource
  /** Bytes of the file from `#start` on. */
  #piece = new Uint8Array(0)
  #view = new DataView(this.#piece.buffer)
  #start = 0
  #at = 0
  #next = FIRST_PIECE
  /** The key or tensor that is being read: what errors name after the file. */
  what: string | undefined
  /** Keys whose texts are not UTF-8, and were read with U+FFFD in place of what is not. */
  readonly broken = new Set<string>()

  constructor(source: FileSource, file: string) {
    this.#source = source
    this.file = file
  }

  /** Bytes from the start of the file to here. */
  get position(): number {
    return this.#start + this.#at
  }

  /** Bytes from here to the end of the file. */
  get left(): number {
    return this.#source.size - this.position
  }

  /** Whether the next `bytes` are in memory: what the readers below demand. */
  holds(bytes: number): boolean {
    return this.#piece.length - this.#at >= bytes
  }

  /** Brings the next `bytes` of the file into memory. */
  async need(bytes: number): Promise<void> {
    if (this.holds(bytes)) return
    if (bytes > this.left) {
      this.refuse(
        'the file ends inside its header',
        `${bytes} more bytes at ${this.position}`,
        `${this.left} bytes`,
      )
    }
    const start = this.position
    this.#piece = await this.#source.read(start, start + Math.min(this.left, Math.max(bytes, this.#next)))
    this.#view = new DataView(this.#piece.buffer, this.#piece.byteOffset, this.#piece.length)
    this.#start = start
    this.#at = 0
    this.#next = 2 * this.#piece.length
  }

  refuse(rule: string, expected?: unknown, found?: unknown): never {
    const where = this.what === undefined ? this.file : `${this.file}: ${this.what}`
    throw new CheckpointError(rule, { where, expected, found })
  }

  /** The next `length` bytes, in the memory of the piece. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const from = this.#at
    this.#at += length
    return this.#piece.subarray(from, this.#at)
  }

  /** The next `width` bytes, as `get` reads them. */
  number(width: number, get: (view: DataView, at: number) => number): number {
    const from = this.#at
    this.#at += width
    return get(this.#view, from)
  }

  async uint32(): Promise<number> {
    await this.need(4)
    return this.number(4, (view, at) => view.getUint32(at, true))
  }

  /** A 64-bit integer that must be exact as a number. */
  async uint64(what: string): Promise<number> {
    await this.need(8)
    return this.#uint64(what, Number.MAX_SAFE_INTEGER)
  }

  /** A count of things that take `bytes` or more each, which must fit into what is left of the file. */
  async count(what: string, bytes: number, most: number): Promise<number> {
    await this.need(8)
    return this.#uint64(what, Math.min(most, Math.floor((this.left - 8) / bytes)))
  }

  #uint64(what: string, most: number): number {
    const found = this.#view.getBigUint64(this.#at, true)
    this.#at += 8
    if (found > BigInt(most)) this.refuse(`${what} is too large`, `at most ${most}`, found)
    return Number(found)
  }

  /** Text: its length in bytes, then UTF-8. */
  async text(what: string, most = MAX_TEXT): Promise<string> {
    const length = await this.count(`the length of ${what}`, 1, most)
    await this.need(length)
    return this.#decode(length) ?? this.refuse(`${what} is not UTF-8`)
  }

  /** The text of a value: what is not UTF-8 makes its key one of the broken. */
  async textValue(): Promise<string> {
    const length = await this.count('the length of the text', 1, MAX_TEXT)
    await this.need(length)
    return this.#lossy(length)
  }

  /** `count` texts; it waits only where a piece ends, as tokenizers have hundreds of thousands. */
  async texts(count: number, what: string): Promise<string[]> {
    const texts: string[] = []
    while (texts.length < count) {
      if (!this.holds(8)) await this.need(8)
      const length = this.#uint64(`the length of ${what}`, Math.min(MAX_TEXT, this.left - 8))
      if (!this.holds(length)) await this.need(length)
      texts.push(this.#lossy(length))
    }
    return texts
  }

  #lossy(length: number): string {
    const from = this.#at
    const text = this.#decode(length)
    if (text !== undefined) return text
    this.broken.add(this.what ?? 'a key')
    return LOSSY.decode(this.#piece.subarray(from, from + length))
  }

  /** undefined: the bytes are not UTF-8. */
  #decode(length: number): string | undefined {
    const bytes = this.bytes(length)
    try {
      return UTF8.decode(bytes)
    } catch {
      return undefined
    }
  }
}
