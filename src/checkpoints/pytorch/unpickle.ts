/**
 * A pickle is a program. This runs those of state dicts and nothing else: a closed list of opcodes, of
 * globals, of results. Nothing that a pickle names is ever looked up in JavaScript.
 */
import type { FileSource } from '../source.ts'
import { Machine, MAX_PICKLE } from './machine.ts'
import { COST, List, Opaque, type Storage, type Value } from './values.ts'

/** What is read of a file before it is known how long its pickle is. */
const FIRST_READ = 2 ** 20
/** Bytes of an integer: those in checkpoints have 10 or fewer. */
const MAX_INTEGER = 255

export interface Unpickled {
  readonly value: Value
  readonly storages: ReadonlyMap<string, Storage>
  /** Where the pickle ends in the file. */
  readonly end: number
}

/**
 * The value of the pickle at `start`, which ends at `end` or before.
 *
 * @throws CheckpointError naming `file`, the byte, and the global if one is at fault
 */
export async function unpickle(
  source: FileSource,
  start: number,
  end: number,
  file: string,
): Promise<Unpickled> {
  const limit = Math.min(end - start, MAX_PICKLE)
  for (let length = FIRST_READ; ; length *= 8) {
    const machine = new Machine(await source.read(start, start + Math.min(length, limit)), limit, file)
    try {
      const value = run(machine)
      return { value, storages: machine.storages, end: start + machine.at }
    } catch (error) {
      if (!machine.starved) throw error
    }
  }
}

function run(machine: Machine): Value {
  for (;;) {
    const opcode = machine.u8()
    if (opcode === STOP) return machine.pop()
    const step = OPCODES.get(opcode)
    if (!step) {
      const found = REFUSED.get(opcode) ?? `0x${opcode.toString(16).padStart(2, '0')}`
      return machine.refuse('not a pickle of a state dict: unexpected opcode', undefined, found)
    }
    step(machine)
  }
}

const STOP = 0x2e

type Step = (machine: Machine) => void

const pushing =
  (value: (machine: Machine) => Value): Step =>
  (machine) =>
    machine.push(value(machine))

/** Python 2 has bytes for texts: what is not UTF-8 is read as Latin-1. */
const LATIN = new TextDecoder('latin1')
const BYTES = new Opaque('bytes')
const bytes =
  (length: (machine: Machine) => number): Step =>
  (machine) => {
    machine.skip(length(machine))
    machine.push(BYTES)
  }

const OPCODES: ReadonlyMap<number, Step> = new Map<number, Step>([
  [0x80, protocol], // PROTO
  [0x95, (machine) => machine.u64()], // FRAME

  [0x4e, pushing(() => null)], // NONE
  [0x88, pushing(() => true)], // NEWTRUE
  [0x89, pushing(() => false)], // NEWFALSE
  [0x4a, pushing((machine) => machine.i32())], // BININT
  [0x4b, pushing((machine) => machine.u8())], // BININT1
  [0x4d, pushing((machine) => machine.u16())], // BININT2
  [0x47, pushing((machine) => machine.f64())], // BINFLOAT
  [0x8a, pushing((machine) => machine.integer(machine.u8()))], // LONG1
  [0x8b, pushing(long4)], // LONG4
  [0x49, pushing(decimal)], // INT
  [0x4c, pushing(decimal)], // LONG

  [0x58, pushing((machine) => machine.text(machine.u32()))], // BINUNICODE
  [0x8c, pushing((machine) => machine.text(machine.u8()))], // SHORT_BINUNICODE
  [0x8d, pushing((machine) => machine.text(machine.u64()))], // BINUNICODE8
  [0x54, pushing((machine) => machine.text(machine.u32(), LATIN))], // BINSTRING: text of Python 2
  [0x55, pushing((machine) => machine.text(machine.u8(), LATIN))], // SHORT_BINSTRING
  [0x42, bytes((machine) => machine.u32())], // BINBYTES
  [0x43, bytes((machine) => machine.u8())], // SHORT_BINBYTES
  [0x8e, bytes((machine) => machine.u64())], // BINBYTES8

  [0x28, (machine) => machine.mark()], // MARK
  [0x29, pushing((machine) => machine.popTuple(0))], // EMPTY_TUPLE
  [0x85, pushing((machine) => machine.popTuple(1))], // TUPLE1
  [0x86, pushing((machine) => machine.popTuple(2))], // TUPLE2
  [0x87, pushing((machine) => machine.popTuple(3))], // TUPLE3
  [0x74, pushing((machine) => machine.popToMark())], // TUPLE
  [0x5d, pushing(emptyList)], // EMPTY_LIST
  [0x61, (machine) => append(machine, [machine.pop()])], // APPEND
  [0x65, (machine) => append(machine, machine.popToMark())], // APPENDS
  [0x7d, pushing(emptyDict)], // EMPTY_DICT
  [0x73, (machine) => setItems(machine, [machine.pop(), machine.pop()].toReversed())], // SETITEM
  [0x75, (machine) => setItems(machine, machine.popToMark())], // SETITEMS

  [0x71, (machine) => machine.memoize(machine.u8())], // BINPUT
  [0x72, (machine) => machine.memoize(machine.u32())], // LONG_BINPUT
  [0x94, (machine) => machine.memoize()], // MEMOIZE
  [0x68, pushing((machine) => machine.recall(machine.u8()))], // BINGET
  [0x6a, pushing((machine) => machine.recall(machine.u32()))], // LONG_BINGET

  [0x63, pushing(global)], // GLOBAL
  [0x93, pushing(stackGlobal)], // STACK_GLOBAL
  [0x69, inst], // INST
  [0x52, pushing(reduce)], // REDUCE
  [0x62, build], // BUILD
  [0x51, pushing((machine) => machine.persistent(machine.pop()))], // BINPERSID
])

/** Opcodes that a message can name. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [0x30, 'POP'],
  [0x31, 'POP_MARK'],
  [0x32, 'DUP'],
  [0x50, 'PERSID'],
  [0x53, 'STRING'],
  [0x56, 'UNICODE'],
  [0x46, 'FLOAT'],
  [0x64, 'DICT'],
  [0x6c, 'LIST'],
  [0x67, 'GET'],
  [0x70, 'PUT'],
  [0x6f, 'OBJ'],
  [0x81, 'NEWOBJ'],
  [0x82, 'EXT1'],
  [0x83, 'EXT2'],
  [0x84, 'EXT4'],
  [0x8f, 'EMPTY_SET'],
  [0x90, 'ADDITEMS'],
  [0x91, 'FROZENSET'],
  [0x92, 'NEWOBJ_EX'],
  [0x96, 'BYTEARRAY8'],
  [0x97, 'NEXT_BUFFER'],
  [0x98, 'READONLY_BUFFER'],
])

function protocol(machine: Machine): void {
  const version = machine.u8()
  if (version > 5) machine.refuse('unknown pickle protocol', '0 to 5', version)
}

function long4(machine: Machine): Value {
  const length = machine.u32()
  if (length > MAX_INTEGER) machine.refuse('an integer of too many bytes', `at most ${MAX_INTEGER}`, length)
  return machine.integer(length)
}

/** `12`, `12L`, and `00` and `01` for false and true: as protocol 1 writes them. */
function decimal(machine: Machine): Value {
  const line = machine.line()
  if (line === '00') return false
  if (line === '01') return true
  const digits = /^(-?\d+)L?$/.exec(line)?.[1] ?? machine.refuse('not an integer')
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits)
}

function emptyList(machine: Machine): Value {
  machine.spend(COST.list)
  return new List()
}

function append(machine: Machine, items: readonly Value[]): void {
  const list = machine.peek()
  if (!(list instanceof List)) return machine.refuse('items are appended to what is no list')
  machine.spend(2 * COST.slot * items.length)
  for (const item of items) list.items.push(item)
}

function emptyDict(machine: Machine): Value {
  machine.spend(COST.dict)
  return new Map()
}

function setItems(machine: Machine, items: readonly Value[]): void {
  const dict = machine.peek()
  if (!(dict instanceof Map)) return machine.refuse('items are set in what is no dictionary')
  if (items.length % 2 !== 0) machine.refuse('a key without a value')
  for (let i = 0; i < items.length; i += 2) {
    machine.spend(COST.dictEntry)
    dict.set(items[i], items[i + 1])
  }
}

function global(machine: Machine): Value {
  const module = machine.line()
  return machine.global(module, machine.line())
}

function stackGlobal(machine: Machine): Value {
  const name = machine.pop()
  return machine.global(machine.pop(), name)
}

function reduce(machine: Machine): Value {
  const args = machine.pop()
  return machine.call(machine.pop(), args)
}

/** Makes an instance of a global: refused, also for one that may be called. */
function inst(machine: Machine): void {
  const name = `${machine.line()}.${machine.line()}`
  machine.refuse('the pickle makes an instance of a global', undefined, name)
}

/** Attributes of an OrderedDict, such as `_metadata` with the versions of modules: they are not used. */
function build(machine: Machine): void {
  machine.pop()
  if (!(machine.peek() instanceof Map)) machine.refuse('attributes are set on what is no dictionary')
}
