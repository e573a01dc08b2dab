/** Arithmetic of Python, and parts of lists and texts. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'
import { formatPercent } from './format.ts'
import { charactersOf, hasPairs, joined } from './text.ts'
import { isList, kindOf, numberOf, Range, Tuple, Undefined, type Value } from './values.ts'

/** Whole numbers beyond this are refused: Python's have no end. */
const MAX_BITS = 4096

export function operate(operator: string, left: Value, right: Value, budget: Budget): Value {
  for (const each of [left, right]) if (each instanceof Undefined) each.fail()
  const [a, b] = [numberOf(left), numberOf(right)]
  if (a !== undefined && b !== undefined) {
    return typeof a === 'bigint' && typeof b === 'bigint'
      ? whole(operator, a, b)
      : float(operator, Number(a), Number(b))
  }
  const made =
    operator === '+'
      ? joinedOf(left, right, budget)
      : operator === '*'
        ? repeated(left, right, budget)
        : undefined
  if (made !== undefined) return made
  if (operator === '%' && typeof left === 'string') return formatPercent(left, right, budget)
  throw new Fault(`${kindOf(left)} ${operator} ${kindOf(right)}`)
}

export function negate(value: Value): Value {
  if (value instanceof Undefined) value.fail()
  const number = numberOf(value)
  if (number === undefined) throw new Fault(`- ${kindOf(value)}`)
  return -number
}

function whole(operator: string, a: bigint, b: bigint): Value {
  switch (operator) {
    case '+':
      return bounded(a + b)
    case '-':
      return bounded(a - b)
    case '*':
      return bounded(a * b)
    case '**':
      if (b < 0n) return float('**', Number(a), Number(b))
      if (a * a > 1n && b > BigInt(MAX_BITS)) return bounded(1n << BigInt(2 * MAX_BITS))
      return bounded(a ** b)
    case '//':
    case '%': {
      if (b === 0n) throw new Fault('division by zero')
      const rest = ((a % b) + b) % b
      return operator === '%' ? rest : (a - rest) / b
    }
    default:
      return float(operator, Number(a), Number(b))
  }
}

function bounded(number: bigint): bigint {
  if (BigInt.asIntN(MAX_BITS, number) === number) return number
  throw new Fault('a number is too large')
}

function float(operator: string, a: number, b: number): number {
  if (b === 0 && ['/', '//', '%'].includes(operator)) throw new Fault('division by zero')
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '**':
      return a ** b
    case '//':
      return Math.floor(a / b)
    default: {
      const rest = a % b
      return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest
    }
  }
}

function joinedOf(left: Value, right: Value, budget: Budget): Value | undefined {
  if (typeof left === 'string' && typeof right === 'string') {
    budget.make(left.length + right.length)
    return left + right
  }
  if (isList(left) && isList(right)) {
    budget.take(left.length + right.length)
    return [...left, ...right]
  }
  if (!(left instanceof Tuple && right instanceof Tuple)) return undefined
  budget.take(left.items.length + right.items.length)
  return new Tuple([...left.items, ...right.items])
}

function repeated(left: Value, right: Value, budget: Budget): Value | undefined {
  const number = numberOf(left) ?? numberOf(right)
  if (typeof number !== 'bigint') return undefined
  const value = numberOf(left) === undefined ? left : right
  const times = Number(number < 0n ? 0n : number)
  if (typeof value === 'string') {
    budget.make(value.length * times)
    return value.length * times === 0 ? '' : value.repeat(times)
  }
  const items = isList(value) ? value : value instanceof Tuple ? value.items : undefined
  if (!items) return undefined
  budget.take(items.length * times)
  const all: Value[] = []
  for (let i = 0; items.length > 0 && i < times; i++) all.push(...items)
  return value instanceof Tuple ? new Tuple(all) : all
}

/** `value[index]`; undefined if there is no such place, or no places. */
export function elementAt(value: Value, index: bigint, budget: Budget): Value | undefined {
  const all = value instanceof Range ? value : sequenceOf(value, budget)
  if (!all) return undefined
  const place = index < 0n ? index + BigInt(all.length) : index
  if (place < 0n || place >= BigInt(all.length)) return undefined
  return all instanceof Range ? all.at(Number(place)) : all[Number(place)]
}

function sequenceOf(value: Value, budget: Budget): readonly Value[] | string | undefined {
  budget.read(value)
  if (typeof value === 'string' && hasPairs(value)) budget.take(value.length)
  if (value instanceof Range) budget.take(value.length)
  if (typeof value === 'string') return charactersOf(value)
  if (isList(value)) return value
  if (value instanceof Tuple) return value.items
  return value instanceof Range ? Array.from({ length: value.length }, (_, i) => value.at(i)) : undefined
}

/** `value[start:stop:step]` */
export function sliceOf(value: Value, bounds: readonly Value[], budget: Budget): Value {
  if (value instanceof Undefined) value.fail()
  const all = sequenceOf(value, budget)
  if (!all) throw new Fault(`${kindOf(value)} has no parts`)
  budget.take(typeof all === 'string' ? all.length / 32 : all.length)
  const [start, stop, step = 1] = bounds.map((bound) => boundOf(bound))
  if (step === 0) throw new Fault('a slice by steps of zero')
  const size = all.length
  const place = (bound: number | undefined, otherwise: number): number => {
    if (bound === undefined) return otherwise
    const low = step > 0 ? 0 : -1
    return Math.min(Math.max(bound < 0 ? bound + size : bound, low), step > 0 ? size : size - 1)
  }
  const [from, to] = [place(start, step > 0 ? 0 : size - 1), place(stop, step > 0 ? size : -1)]
  if (step === 1) return sameKind(value, all.slice(from, Math.max(from, to)))
  const taken: Value[] = []
  for (let i = from; step > 0 ? i < to : i > to; i += step) taken.push(all[i])
  return sameKind(value, taken)
}

function sameKind(value: Value, part: readonly Value[] | string): Value {
  if (typeof value === 'string') return joined(part as readonly string[] | string)
  return value instanceof Tuple ? new Tuple(part as readonly Value[]) : part
}

function boundOf(bound: Value): number | undefined {
  if (bound === null) return undefined
  const number = numberOf(bound)
  if (typeof number === 'bigint')
    return Number(BigInt.asIntN(53, number) === number ? number : number < 0n ? -(2 ** 52) : 2 ** 52)
  if (bound instanceof Undefined) bound.fail()
  throw new Fault(`a slice by ${kindOf(bound)}`)
}
