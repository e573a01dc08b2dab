/** The machine that a pickle is a program for: a cursor over its bytes, a stack with marks, a memo. */
import { CheckpointError } from '../../errors.ts'
import { clip } from '../json.ts'
import { GLOBALS } from './globals.ts'
import { COST, Global, isCount, isTuple, Storage } from './values.ts'
import type { CallContext, Tuple, Value } from './values.ts'

/** A longer pickle is refused: one tensor takes about 150 bytes. */
export const MAX_PICKLE = 64 * 2 ** 20
const MAX_STACK = 2 ** 18
const MAX_MARKS = 2 ** 16
/** Module names, and numbers in decimal. */
const MAX_LINE = 512
const MAX_KEY = 256
/** Values may take this much memory for each byte of the pickle, and this much more. */
const MEMORY_PER_BYTE = 8
const MEMORY = 32 * 2 ** 20

const NO_ITEMS: Tuple = Object.freeze([])

export class Machine implements CallContext {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #limit: number
  readonly #file: string
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  readonly #stack: Value[] = []
  readonly #marks: number[] = []
  readonly #memo: (Value | undefined)[] = []
  #memoized = 0
  #memory: number
  /** Offset of the next byte. */
  at = 0
  /** True once bytes were needed that may stand after `bytes`. */
  starved = false
  /** Storages by key. */
  readonly storages = new Map<string, Storage>()

  /** `bytes` begin a pickle that may have up to `limit`. */
  constructor(bytes: Uint8Array, limit: number, file: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#limit = limit
    this.#file = file
    this.#memory = MEMORY + MEMORY_PER_BYTE * bytes.length
  }

  refuse(rule: string, expected?: unknown, found?: unknown): never {
    const where = `${this.#file}: pickle, byte ${this.at}`
    throw new CheckpointError(rule, { where, expected, found })
  }

  spend(bytes: number): void {
    this.#memory -= bytes
    if (this.#memory < 0) this.refuse('the pickle makes far more values than tensors need')
  }

  // Bytes

  /** The offset of the next `count` bytes, which are taken. */
  #take(count: number): number {
    const start = this.at
    const end = start + count
    if (end > this.#limit) {
      this.refuse(
        this.#limit < MAX_PICKLE ? 'the pickle ends early' : `the pickle is longer than ${MAX_PICKLE} bytes`,
      )
    }
    if (end > this.#bytes.length) {
      this.starved = true
      this.refuse('the pickle goes on')
    }
    this.at = end
    return start
  }

  u8(): number {
    return this.#bytes[this.#take(1)]
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  /** A length of 8 bytes. Those above what is exact are above any limit too. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true))
  }

  /** Big-endian, as protocol 1 has it. */
  f64(): number {
    this.spend(COST.number)
    return this.#view.getFloat64(this.#take(8))
  }

  skip(length: number): void {
    this.#take(length)
  }

  /** A signed integer of `length` bytes, little-endian. */
  integer(length: number): number | bigint {
    const start = this.#take(length)
    this.spend(COST.number + length)
    let digits = ''
    for (let i = start + length - 1; i >= start; i--) digits += this.#bytes[i].toString(16).padStart(2, '0')
    const value = BigInt.asIntN(8 * length, BigInt(`0x0${digits}`))
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  /** Text of `length` bytes of UTF-8; of another encoding where it is not. */
  text(length: number, otherwise?: TextDecoder): string {
    const start = this.#take(length)
    this.spend(COST.text + length)
    if (length === 0) return ''
    const bytes = this.#bytes.subarray(start, start + length)
    try {
      return this.#text.decode(bytes)
    } catch {
      return otherwise ? otherwise.decode(bytes) : this.refuse('the text is not UTF-8')
    }
  }

  /** Text up to a line break, which is taken. */
  line(): string {
    let end = this.at
    while (this.#bytes[end] !== 0x0a && end < this.#bytes.length) {
      if (end - this.at >= MAX_LINE) this.refuse(`a line of more than ${MAX_LINE} bytes`)
      end++
    }
    const line = this.text(end - this.at)
    this.#take(1)
    return line
  }

  // Stack

  push(value: Value): void {
    if (this.#stack.length >= MAX_STACK) this.refuse(`more than ${MAX_STACK} values on the stack`)
    this.#stack.push(value)
  }

  pop(): Value {
    const value = this.#stack.length > (this.#marks.at(-1) ?? 0) ? this.#stack.pop() : undefined
    return value === undefined ? this.refuse('the stack is empty') : value
  }

  peek(): Value {
    const value = this.pop()
    this.#stack.push(value)
    return value
  }

  mark(): void {
    if (this.#marks.length >= MAX_MARKS) this.refuse(`more than ${MAX_MARKS} marks`)
    this.#marks.push(this.#stack.length)
  }

  /** The values above the topmost mark, which is taken with them. */
  popToMark(): Tuple {
    const mark = this.#marks.pop() ?? this.refuse('no mark on the stack')
    return this.#tuple(this.#stack.splice(mark))
  }

  /** The topmost `count` values. */
  popTuple(count: number): Tuple {
    const start = this.#stack.length - count
    if (start < (this.#marks.at(-1) ?? 0)) this.refuse('the stack is empty')
    return this.#tuple(this.#stack.splice(start))
  }

  #tuple(items: Tuple): Tuple {
    if (items.length === 0) return NO_ITEMS
    this.spend(COST.tuple + COST.slot * items.length)
    return items
  }

  // Memo

  memoize(index = this.#memoized): void {
    const more = index + 1 - this.#memo.length
    if (more > 0) this.spend(COST.memo * more)
    while (this.#memo.length <= index) this.#memo.push(undefined)
    if (this.#memo[index] === undefined) this.#memoized++
    this.#memo[index] = this.peek()
  }

  recall(index: number): Value {
    const value = this.#memo[index]
    return value === undefined ? this.refuse('the memo has no such value', undefined, index) : value
  }

  // What reaches out of the pickle

  global(module: Value, name: Value): Value {
    if (typeof module !== 'string' || typeof name !== 'string') {
      return this.refuse('a global whose name is no text')
    }
    const global = `${module}.${name}`
    return (
      GLOBALS.get(global) ??
      this.refuse('the pickle asks for a global that no state dict needs', undefined, clip(global))
    )
  }

  call(callee: Value, args: Value): Value {
    if (!(callee instanceof Global) || !callee.call) {
      return this.refuse('the pickle calls what is no function', undefined, describe(callee))
    }
    if (!isTuple(args)) return this.refuse(`${callee.name} is called with what is no tuple`)
    return callee.call(args, this)
  }

  /**
   * `('storage', class, key, location, number of elements)`; before the zip format a sixth, for views, that
   * stayed None.
   */
  persistent(id: Value): Value {
    const [kind, type, key, location, length, view = null] = isTuple(id) && id.length <= 6 ? id : []
    const dtype = type instanceof Global ? type.dtype : undefined
    if (kind !== 'storage' || dtype === undefined) {
      return this.refuse('a persistent id that names no storage')
    }
    if (typeof key !== 'string' || key.length > MAX_KEY || typeof location !== 'string' || !isCount(length)) {
      return this.refuse('a storage without key, location or number of elements')
    }
    if (view !== null) return this.refuse('a storage that is a view of another', 'None', clip(key))
    const known = this.storages.get(key)
    if (known && (known.dtype !== dtype || known.length !== length)) {
      const [expected, found] = [known, { dtype, length }].map((each) => `${each.length} of ${each.dtype}`)
      return this.refuse(`storage ${clip(key)} is described twice`, expected, found)
    }
    return known ?? this.#newStorage(key, dtype, length)
  }

  #newStorage(key: string, dtype: string, length: number): Storage {
    this.spend(COST.storage)
    const storage = new Storage(key, dtype, length)
    this.storages.set(key, storage)
    return storage
  }
}

/** A value in a message. */
function describe(value: Value): string {
  if (value instanceof Global) return value.name
  return typeof value === 'object' && value !== null ? value.constructor.name : clip(String(value))
}
