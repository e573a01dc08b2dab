/** Which values are equal, and which comes first. */
import type { Budget } from './budget.ts'
import { Fault } from './budget.ts'
import { compareTexts } from './text.ts'
import { Dict, isList, kindOf, numberOf, Range, Tuple, Undefined, type Value } from './values.ts'

export function areEqual(a: Value, b: Value, budget: Budget): boolean {
  budget.take(1)
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length === b.length) budget.scan(a.length)
    return a === b
  }
  const [x, y] = [numberOf(a), numberOf(b)]
  // oxlint-disable-next-line eqeqeq -- a float and a whole number
  if (x !== undefined || y !== undefined) return x !== undefined && y !== undefined && x == y
  const inner = (p: readonly Value[], q: readonly Value[]): boolean =>
    p.length === q.length && budget.within(() => p.every((each, i) => areEqual(each, q[i], budget)))
  if (isList(a) && isList(b)) return inner(a, b)
  if (a instanceof Tuple && b instanceof Tuple) return inner(a.items, b.items)
  if (a instanceof Dict && b instanceof Dict) {
    return (
      a.size === b.size &&
      budget.within(() =>
        a.entries().every(([key, value]) => {
          const other = b.get(key, budget)
          return other !== undefined && areEqual(value, other, budget)
        }),
      )
    )
  }
  if (a instanceof Range && b instanceof Range) {
    return a.length === b.length && (a.length === 0 || (a.start === b.start && a.step === b.step))
  }
  return a instanceof Undefined && b instanceof Undefined ? true : a === b
}

/** Below 0 if a comes first. Throws Fault for values of kinds that Python does not order. */
export function compare(a: Value, b: Value, budget: Budget): number {
  budget.take(1)
  if (typeof a === 'string' && typeof b === 'string') {
    budget.scan(Math.min(a.length, b.length))
    return compareTexts(a, b)
  }
  const [x, y] = [numberOf(a), numberOf(b)]
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x === y || x == y ? 0 : Number.NaN // oxlint-disable-line eqeqeq
  const [p, q] =
    isList(a) && isList(b) ? [a, b] : a instanceof Tuple && b instanceof Tuple ? [a.items, b.items] : []
  if (!p || !q) {
    for (const each of [a, b]) if (each instanceof Undefined) each.fail()
    throw new Fault(`${kindOf(a)} and ${kindOf(b)} have no order`)
  }
  return budget.within(() => {
    for (let i = 0; i < Math.min(p.length, q.length); i++) {
      if (!areEqual(p[i], q[i], budget)) return compare(p[i], q[i], budget)
    }
    return p.length - q.length
  })
}
