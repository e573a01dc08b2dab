/** What a pattern of Oniguruma is made of, once it is read. */
import type { CodePoints } from './code-points.ts'

export type Place = 'line-start' | 'line-end' | 'start' | 'end' | 'end-or-newline' | 'edge' | 'no-edge'

/** A pattern as a tree. `repeat` tries the most first unless it is lazy. */
export type Node =
  | { readonly type: 'set'; readonly set: CodePoints }
  | { readonly type: 'sequence'; readonly items: readonly Node[] }
  | { readonly type: 'choice'; readonly items: readonly Node[] }
  | {
      readonly type: 'repeat'
      readonly body: Node
      readonly min: number
      readonly max: number
      readonly lazy: boolean
    }
  /** Gives nothing back once it has matched. */
  | { readonly type: 'atomic'; readonly body: Node }
  | { readonly type: 'look'; readonly behind: boolean; readonly negative: boolean; readonly body: Node }
  | { readonly type: 'place'; readonly place: Place }

/** The numbers of code points that `node` may match; undefined if there are more than `MAX_LENGTHS`. */
export function lengthsOf(node: Node): ReadonlySet<number> | undefined {
  switch (node.type) {
    case 'set':
      return new Set([1])
    case 'atomic':
      return lengthsOf(node.body)
    case 'choice': {
      const all = node.items.map(lengthsOf)
      return all.every((each) => each !== undefined) ? few(all.flatMap((each) => [...each])) : undefined
    }
    case 'sequence':
      return node.items.map(lengthsOf).reduce(sums, new Set([0]))
    case 'repeat': {
      const body = lengthsOf(node.body)
      if (!body || node.max > MAX_LENGTHS) return undefined
      let [total, once]: (ReadonlySet<number> | undefined)[] = [new Set<number>(), new Set([0])]
      for (let i = 0; i <= node.max; i++) {
        if (i >= node.min) total = total && once && few([...total, ...once])
        once = sums(once, body)
      }
      return total
    }
    case 'look':
    case 'place':
    default:
      return new Set([0])
  }
}

const MAX_LENGTHS = 64

const few = (lengths: readonly number[]): ReadonlySet<number> | undefined => {
  const set = new Set(lengths)
  return set.size > MAX_LENGTHS ? undefined : set
}

function sums(
  a: ReadonlySet<number> | undefined,
  b: ReadonlySet<number> | undefined,
): ReadonlySet<number> | undefined {
  return a && b && few([...a].flatMap((one) => [...b].map((other) => one + other)))
}

/** True if `node` may match nothing. */
export function mayBeEmpty(node: Node): boolean {
  switch (node.type) {
    case 'set':
      return false
    case 'atomic':
      return mayBeEmpty(node.body)
    case 'choice':
      return node.items.some(mayBeEmpty)
    case 'sequence':
      return node.items.every(mayBeEmpty)
    case 'repeat':
      return node.min === 0 || mayBeEmpty(node.body)
    case 'look':
    case 'place':
    default:
      return true
  }
}
