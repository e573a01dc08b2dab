/** A pattern as instructions of the matcher. */
import { CodePoints } from './code-points.ts'
import { PatternError } from './pattern-error.ts'
import { lengthsOf, mayBeEmpty, type Node, type Place } from './syntax.ts'

/** What an instruction does; its operands stand behind it in `code`. */
export const OP = {
  /** The (sub)program has matched. */
  done: 0,
  /** Takes a code point of a set: set. */
  take: 1,
  /**
   * Goes on at the first, and if that fails at the second, if what comes next may begin
   * them: first, second, set, set, number of this one.
   */
  fork: 2,
  /** Goes on elsewhere: where. */
  jump: 3,
  /** Takes as many code points of a set as there are, then fewer: set, least, most, number of this one. */
  run: 4,
  /** Goes on behind what a subprogram matched, for good: subprogram. */
  atomic: 5,
  /** Looks forward: subprogram, 1 if it must not match. */
  ahead: 6,
  /** Looks back: subprogram, 1 if it must not match, place of the lengths in `lengths`. */
  behind: 7,
  /** Fails elsewhere than there: place. */
  place: 8,
  /** An iteration begins that may take nothing: its bit. */
  enter: 9,
  /** It ends: bit, where to if it took something, where to else. */
  leave: 10,
  /** Fails where what is looked back for does not end. */
  arrived: 11,
} as const

export const PLACES: readonly Place[] = [
  'line-start',
  'line-end',
  'start',
  'end',
  'end-or-newline',
  'edge',
  'no-edge',
]

export interface Program {
  readonly code: Int32Array
  readonly sets: readonly CodePoints[]
  /** How far back each `behind` begins, in code points. */
  readonly lengths: readonly (readonly number[])[]
  readonly forks: number
  /** How many `run` there are. */
  readonly runs: number
  /** How many loops may go round without taking anything. */
  readonly bits: number
}

const MAX_CODE = 2 ** 15
const MAX_BITS = 4

/** @throws PatternError if it would be too long */
export function compile(node: Node): Program {
  const compiler = new Compiler()
  compiler.add(node)
  return compiler.finish()
}

class Compiler {
  readonly #code: number[] = []
  readonly #sets: CodePoints[] = []
  readonly #lengths: (readonly number[])[] = []
  readonly #subprograms: { readonly operand: number; readonly body: Node; readonly behind: boolean }[] = []
  #forks = 0
  #runs = 0
  #bits = 0

  finish(): Program {
    this.#code.push(OP.done)
    // Subprograms may add others.
    for (let i = 0; i < this.#subprograms.length; i++) {
      const { operand, body, behind } = this.#subprograms[i]
      this.#code[operand] = this.#code.length
      this.add(body)
      if (behind) this.#code.push(OP.arrived)
      this.#code.push(OP.done)
    }
    return {
      code: Int32Array.from(this.#code),
      sets: this.#sets,
      lengths: this.#lengths,
      forks: this.#forks,
      runs: this.#runs,
      bits: this.#bits,
    }
  }

  add(node: Node): void {
    if (this.#code.length > MAX_CODE)
      throw new PatternError('the pattern is too long, with its repetitions', '')
    switch (node.type) {
      case 'set':
        this.#code.push(OP.take, this.#setOf(node.set))
        return
      case 'sequence':
        for (const item of node.items) this.add(item)
        return
      case 'choice':
        this.#choice(node.items)
        return
      case 'repeat':
        this.#repeat(node)
        return
      case 'place':
        this.#code.push(OP.place, PLACES.indexOf(node.place))
        return
      case 'atomic':
        this.#code.push(OP.atomic)
        this.#sub(node.body, false)
        return
      case 'look': {
        this.#code.push(node.behind ? OP.behind : OP.ahead)
        this.#sub(node.body, node.behind)
        this.#code.push(Number(node.negative))
        if (node.behind) this.#code.push(this.#lengths.push([...lengthsOf(node.body)!]) - 1)
      }
    }
  }

  #sub(body: Node, behind: boolean): void {
    this.#subprograms.push({ operand: this.#code.length, body, behind })
    this.#code.push(0)
  }

  #setOf(set: CodePoints): number {
    const known = this.#sets.indexOf(set)
    return known >= 0 ? known : this.#sets.push(set) - 1
  }

  /** What may begin a match of `node`; undefined if it may be anything. */
  #beginning(node: Node): CodePoints | undefined {
    switch (node.type) {
      case 'set':
        return node.set
      case 'choice':
        return unionOf(node.items.map((item) => this.#beginning(item)))
      case 'sequence': {
        const sets: (CodePoints | undefined)[] = []
        for (const item of node.items) {
          if (item.type === 'look' || item.type === 'place') continue
          sets.push(this.#beginning(item))
          if (!mayBeEmpty(item)) return unionOf(sets)
        }
        return undefined
      }
      case 'repeat':
        return node.max === 0 ? undefined : this.#beginning(node.body)
      case 'atomic':
        return this.#beginning(node.body)
      case 'look':
      case 'place':
      default:
        return undefined
    }
  }

  #beginningOf(node: Node): number {
    const set = mayBeEmpty(node) ? undefined : this.#beginning(node)
    return set ? this.#setOf(set) : -1
  }

  /** A fork whose targets are known later; gives where it stands. */
  #fork(first: number, second: number): number {
    return this.#code.push(OP.fork, 0, 0, first, second, this.#forks++) - 6
  }

  #choice(items: readonly Node[]): void {
    const ends: number[] = []
    for (const [i, item] of items.entries()) {
      const rest = items.slice(i + 1)
      if (rest.length === 0) {
        this.add(item)
        continue
      }
      const after: Node = rest.length === 1 ? rest[0] : { type: 'choice', items: rest }
      const fork = this.#fork(this.#beginningOf(item), this.#beginningOf(after))
      this.#code[fork + 1] = this.#code.length
      this.add(item)
      ends.push(this.#code.push(OP.jump, 0) - 1)
      this.#code[fork + 2] = this.#code.length
    }
    for (const end of ends) this.#code[end] = this.#code.length
  }

  #repeat({ body, min, max, lazy }: Node & { type: 'repeat' }): void {
    if (body.type === 'set' && !lazy) {
      this.#code.push(OP.run, this.#setOf(body.set), min, max === Infinity ? -1 : max, this.#runs++)
      return
    }
    for (let i = 0; i < min; i++) this.add(body)
    if (max === Infinity) this.#loop(body, lazy)
    else this.#options(body, max - min, lazy)
  }

  /** Each of `count` is there only if the one before it is. */
  #options(body: Node, count: number, lazy: boolean): void {
    const forks: number[] = []
    const begins = this.#beginningOf(body)
    for (let i = 0; i < count; i++) {
      const fork = lazy ? this.#fork(-1, begins) : this.#fork(begins, -1)
      this.#code[fork + (lazy ? 2 : 1)] = this.#code.length
      this.add(body)
      forks.push(fork + (lazy ? 1 : 2))
    }
    for (const place of forks) this.#code[place] = this.#code.length
  }

  #loop(body: Node, lazy: boolean): void {
    const begins = this.#beginningOf(body)
    const fork = lazy ? this.#fork(-1, begins) : this.#fork(begins, -1)
    this.#code[fork + (lazy ? 2 : 1)] = this.#code.length
    if (mayBeEmpty(body)) {
      const bit = this.#bits++
      if (this.#bits > MAX_BITS) throw new PatternError('too many repetitions of what may be empty', '')
      this.#code.push(OP.enter, bit)
      this.add(body)
      this.#code.push(OP.leave, bit, fork, 0)
      this.#code[this.#code.length - 1] = this.#code.length
    } else {
      this.add(body)
      this.#code.push(OP.jump, fork)
    }
    this.#code[fork + (lazy ? 1 : 2)] = this.#code.length
  }
}

function unionOf(sets: readonly (CodePoints | undefined)[]): CodePoints | undefined {
  const all = sets.filter((set) => set !== undefined)
  if (all.length < sets.length) return undefined
  return all.length === 1 ? all[0] : new CodePoints((each) => all.some((set) => set.has(each)))
}
