/** The tests of jinja2: `value is name`. */
import { Fault } from './budget.ts'
import { Given, type Context } from './call.ts'
import { isFilter } from './filters.ts'
import { hasCase } from './methods.ts'
import { areEqual, compare } from './order.ts'
import { textOf } from './show.ts'
import { findText } from './text.ts'
import {
  Callable,
  Dict,
  elementsOf,
  isFields,
  isIterable,
  isList,
  kindOf,
  numberOf,
  Range,
  Tuple,
  Undefined,
  type Named,
  type Value,
} from './values.ts'

type Test = readonly [
  parameters: readonly string[],
  run: (value: Value, given: Given, context: Context) => boolean,
]

const ordered = (holds: (order: number) => boolean): Test => [
  ['other'],
  (value, given, { budget }) => holds(compare(value, given.value('other'), budget)),
]
const equal: Test = [['other'], (value, given, { budget }) => areEqual(value, given.value('other'), budget)]
const unequal: Test = [
  ['other'],
  (value, given, { budget }) => !areEqual(value, given.value('other'), budget),
]
const greater = ordered((order) => order > 0)
const less = ordered((order) => order < 0)
const atLeast = ordered((order) => order >= 0)
const atMost = ordered((order) => order <= 0)
const kind = (is: (value: Value) => boolean): Test => [[], (value) => is(value)]
const cased = (of: (text: string) => string): Test => [
  [],
  (value, _, { budget }) => hasCase(textOf(value, budget), of),
]

/** The rest of a division, which has the sign of the divisor. */
function remainder(value: Value, by: bigint): bigint {
  const number = numberOf(value)
  if (typeof number !== 'bigint' || by === 0n)
    throw new Fault(`not a whole number to divide: ${kindOf(value)}`)
  return ((number % by) + by) % by
}

const TESTS: Readonly<Record<string, Test>> = {
  '!=': unequal,
  '<': less,
  '<=': atMost,
  '==': equal,
  '>': greater,
  '>=': atLeast,
  boolean: kind((value) => typeof value === 'boolean'),
  callable: kind((value) => value instanceof Callable || (isFields(value) && value.call !== undefined)),
  defined: kind((value) => !(value instanceof Undefined)),
  divisibleby: [['num'], (value, given) => remainder(value, BigInt(given.count('num'))) === 0n],
  eq: equal,
  equalto: equal,
  escaped: kind(() => false),
  even: kind((value) => remainder(value, 2n) === 0n),
  false: kind((value) => value === false),
  filter: kind((value) => typeof value === 'string' && isFilter(value)),
  float: kind((value) => typeof value === 'number'),
  ge: atLeast,
  greaterthan: greater,
  gt: greater,
  in: [['seq'], (value, given, context) => contains(given.value('seq'), value, context)],
  integer: kind((value) => typeof value === 'bigint'),
  iterable: kind(isIterable),
  le: atMost,
  lessthan: less,
  lower: cased((text) => text.toLowerCase()),
  lt: less,
  mapping: kind((value) => value instanceof Dict),
  ne: unequal,
  none: kind((value) => value === null),
  number: kind((value) => numberOf(value) !== undefined),
  odd: kind((value) => remainder(value, 2n) === 1n),
  sameas: [['other'], (value, given) => value === given.value('other')],
  sequence: kind(
    (value) =>
      typeof value === 'string' ||
      isList(value) ||
      [Tuple, Dict, Range, Undefined].some((each) => value instanceof each),
  ),
  string: kind((value) => typeof value === 'string'),
  test: kind((value) => typeof value === 'string' && Object.hasOwn(TESTS, value)),
  true: kind((value) => value === true),
  undefined: kind((value) => value instanceof Undefined),
  upper: cased((text) => text.toUpperCase()),
}

/** `value in all` */
export function contains(all: Value, value: Value, { budget }: Context): boolean {
  if (typeof all === 'string') {
    if (typeof value !== 'string') throw new Fault(`a text holds texts, and no ${kindOf(value)}`)
    budget.read(all)
    budget.read(value)
    return findText(all, value) >= 0
  }
  if (all instanceof Dict) return all.has(value, budget)
  return elementsOf(all, budget).some((each) => areEqual(each, value, budget))
}

/** Throws Fault for a test that there is not. */
export function applyTest(
  name: string,
  value: Value,
  positional: readonly Value[],
  named: Named,
  context: Context,
): boolean {
  context.budget.read(value)
  if (!Object.hasOwn(TESTS, name)) throw new Fault(`there is no test ${name}`)
  const [parameters, run] = TESTS[name]
  return run(value, new Given(name, parameters, positional, named, context.budget), context)
}
