/**
 * What a pickle's values become: plain data, and records of what they stand for. Nothing of it can be called
 * from outside.
 */

/** A dictionary; a Map, so that `__proto__` is a key like any other. */
export type Dict = Map<Value, Value>
/** Tuples never change once they are made; lists do. */
export type Tuple = readonly Value[]

export class List {
  readonly items: Value[] = []
}

/** A value that is of no use here: bytes, a dtype. */
export class Opaque {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** Numbers of one type that tensors are views of. */
export class Storage {
  readonly key: string
  readonly dtype: string
  /** Number of elements. */
  readonly length: number

  constructor(key: string, dtype: string, length: number) {
    this.key = key
    this.dtype = dtype
    this.length = length
  }
}

/**
 * A view of a storage, as the pickle describes it: element [i, j, …] is at offset + i·strides[0] +
 * j·strides[1] + ….
 */
export class View {
  readonly storage: Storage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]

  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
  }
}

/** A global that the allow-list has. */
export class Global {
  readonly name: string
  /** What REDUCE makes of arguments; absent if it is no function. */
  readonly call: Call | undefined
  /** The element type, for a class of storages. */
  readonly dtype: string | undefined

  constructor(name: string, { call, dtype }: { call?: Call; dtype?: string } = {}) {
    this.name = name
    this.call = call
    this.dtype = dtype
  }
}

/** What a call can do besides giving a value. */
export interface CallContext {
  /** Takes `bytes` of what the pickle's values may take. */
  spend(bytes: number): void
  refuse(rule: string, expected?: unknown, found?: unknown): never
}

type Call = (args: Tuple, context: CallContext) => Value

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Tuple
  | List
  | Dict
  | Opaque
  | Storage
  | View
  | Global

export const isTuple = (value: Value | undefined): value is Tuple => Array.isArray(value)

/** A non-negative integer that is exact. */
export const isCount = (value: Value | undefined): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0

/**
 * Bytes of memory that values take at most, by measurement of V8: what is charged against the limit of a
 * pickle.
 */
export const COST = {
  tuple: 56,
  slot: 8,
  text: 32,
  number: 16,
  list: 224,
  dict: 224,
  dictEntry: 96,
  storage: 160,
  view: 160,
  memo: 24,
} as const
