/** Words of a table that are classes: their order, and how often each occurs. */
import * as v from 'valibot'
import { ConfigError } from '../../errors.ts'
import type { Cells } from './cells.ts'

/** Classes as JSON: class i is `names[i]`, and occurs `counts[i]` times in training. */
export const CLASSES = v.pipe(
  v.strictObject({
    names: v.pipe(v.array(v.string('a name'), 'a list of names'), v.minLength(2, 'two names or more')),
    counts: v.array(
      v.pipe(v.number('a count'), v.safeInteger('a count'), v.minValue(0, 'a count')),
      'a list of counts',
    ),
  }),
  v.check(({ names, counts }) => names.length === counts.length, 'a count for each name'),
)

export type Classes = v.InferOutput<typeof CLASSES>

/**
 * The classes in these labels, sorted by name.
 *
 * @throws ConfigError if there is only one
 */
export function learnClasses(labels: Iterable<string>, where: string): Classes {
  const counted = new Map<string, number>()
  for (const label of labels) counted.set(label, (counted.get(label) ?? 0) + 1)
  const names = [...counted.keys()].toSorted()
  if (names.length < 2)
    throw new ConfigError('there must be two classes or more', { where, found: names.join() || 'none' })
  return { names, counts: names.map((name) => counted.get(name)!) }
}

/** The class of a name. @throws ConfigError for one that training did not have */
export function classOf(name: string, { names }: Classes, cells: Cells, column: string): number {
  const found = names.indexOf(name)
  if (found >= 0) return found
  throw cells.error(column, 'a class that the training data do not have', {
    expected: names.slice(0, 20).join(', '),
    found: name,
  })
}
