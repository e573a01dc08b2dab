/** What templates find besides their variables. */
import type { Budget } from './budget.ts'
import { Fault, Refusal } from './budget.ts'
import { Given } from './call.ts'

import type { Scope } from './scope.ts'
import { textOf } from './show.ts'
import { timeText } from './time.ts'
import {
  Callable,
  Dict,
  elementsOf,
  isList,
  kindOf,
  Namespace,
  numberOf,
  Range,
  Tuple,
  type Fields,
  type Value,
} from './values.ts'

/** Names in a scope, as the sandbox of transformers has them. */
export function setGlobals(scope: Scope, budget: Budget, now: () => Date): void {
  const functions: Readonly<Record<string, Callable['run']>> = {
    range(positional) {
      const [first, second, step] = positional.map((each) => {
        const number = numberOf(each)
        if (typeof number === 'bigint') return number
        throw new Fault(`range() of what are no whole numbers: ${kindOf(each)}`)
      })
      if (first === undefined || positional.length > 3) throw new Fault('range() takes one to three numbers')
      const range = second === undefined ? new Range(0n, first, 1n) : new Range(first, second, step ?? 1n)
      budget.take(range.length)
      return range
    },
    dict(positional, named) {
      const dict = new Dict()
      for (const [key, value] of pairsOf(positional, named, budget)) dict.set(key, value, budget)
      return dict
    },
    namespace(positional, named) {
      const made = new Namespace()
      for (const [key, value] of pairsOf(positional, named, budget))
        made.fields.set(textOf(key, budget), value)
      return made
    },
    joiner(positional, named) {
      const separator = new Given('joiner()', ['sep'], positional, named, budget).text('sep', ', ')
      let used = false
      return new Callable('joiner', () => {
        const text = used ? separator : ''
        used = true
        return text
      })
    },
    cycler: (items) => new Cycler(items),
    raise_exception(positional, named) {
      throw new Refusal(
        textOf(
          new Given('raise_exception()', ['message'], positional, named, budget).value('message'),
          budget,
        ),
      )
    },
    strftime_now(positional, named) {
      return timeText(
        now(),
        new Given('strftime_now()', ['format'], positional, named, budget).text('format'),
      )
    },
  }
  for (const [name, run] of Object.entries(functions)) scope.set(name, new Callable(name, run))
}

function pairsOf(
  positional: readonly Value[],
  named: ReadonlyMap<string, Value>,
  budget: Budget,
): (readonly [Value, Value])[] {
  const given = positional.flatMap((each) => {
    if (each instanceof Dict) return each.entries()
    return elementsOf(each, budget).map((pair) => {
      const items = pair instanceof Tuple ? pair.items : isList(pair) ? pair : []
      if (items.length !== 2) throw new Fault('a dict is made of pairs')
      return [items[0], items[1]] as const
    })
  })
  return [...given, ...named]
}

/** `cycler(…)`: its items by turns. */
class Cycler implements Fields {
  readonly #items: readonly Value[]
  #at = 0

  constructor(items: readonly Value[]) {
    if (items.length === 0) throw new Fault('cycler() of nothing')
    this.#items = items
  }

  field(name: string): Value | undefined {
    if (name === 'current') return this.#items[this.#at]
    if (name === 'reset') return new Callable(name, () => ((this.#at = 0), null))
    if (name !== 'next') return undefined
    return new Callable(name, () => {
      const item = this.#items[this.#at]
      this.#at = (this.#at + 1) % this.#items.length
      return item
    })
  }
}
