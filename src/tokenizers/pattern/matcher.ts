/**
 * Runs a pattern over a text. It tries what Oniguruma tries, in its order, so that it finds the same. Once a
 * text costs much, it remembers what failed where: the time is then linear in the text for nearly all
 * patterns, and for the others it is bounded.
 */
import { Failures } from './failures.ts'
import { PatternError } from './pattern-error.ts'
import { before, isAt, next } from './places.ts'
import { OP, PLACES, type Program } from './program.ts'

/**
 * Numbers of a frame: where to go on, at which place of the text, least place of a run, bits, where the run
 * began and ended.
 */
const FRAME = 6
const PLAIN = -1
/** Below it is what was tried of a fork: when it comes up, all of it has failed. */
const FAILED = -2
/** Steps before failures are remembered, and that each unit of text allows. */
const FREE_STEPS = 4096
const STEPS_PER_UNIT = 32
/** Steps in all. */
const MOST_STEPS = 2 ** 26
const MOST_STEPS_PER_UNIT = 256

export class Matcher {
  readonly #code: Int32Array
  readonly #program: Program
  #text = ''
  #stack = new Int32Array(64 * FRAME)
  #top = 0
  #steps = 0
  #stepsRemembered = 0
  /** Where runs failed from the first to the last place of the text, by the number of the run. */
  readonly #failedFrom: Int32Array
  readonly #failedTo: Int32Array
  #remembers = false
  readonly #failures: Failures
  /** Where what is looked back for must end, while it is looked for. */
  #target = -1

  constructor(program: Program) {
    this.#program = program
    this.#code = program.code
    this.#failures = new Failures(program.forks, program.bits)
    this.#failedFrom = new Int32Array(program.runs)
    this.#failedTo = new Int32Array(program.runs)
  }

  /**
   * Calls `found` with the begin and the end of each match, from left to right. In an empty text there is
   * none, as in the tokenizers library.
   *
   * @throws PatternError if it takes too long
   */
  each(text: string, found: (begin: number, end: number) => void): void {
    if (text === '') return
    this.#text = text
    this.#steps = 0
    this.#top = 0
    this.#target = -1
    this.#stepsRemembered = FREE_STEPS
    this.#remembers = false
    this.#failures.clear()
    this.#failedFrom.fill(0)
    this.#failedTo.fill(-1)
    let last = -1
    for (let at = 0; at <= text.length;) {
      let [begin, end] = [at, -1]
      for (; begin <= text.length; begin = next(this.#text, begin)) {
        end = this.#run(0, begin)
        if (end >= 0) break
      }
      if (end < 0) return
      // An empty match directly behind a match is none; the search goes on one character later.
      if (end === begin && end === last) {
        at = next(this.#text, at)
        continue
      }
      found(begin, end)
      at = end
      last = end
    }
  }

  /** The code point at a place of the text; -1 at its end. */
  #pointAt(at: number): number {
    if (at >= this.#text.length) return -1
    const unit = this.#text.charCodeAt(at)
    return (unit & 0xfc00) === 0xd800 ? this.#text.codePointAt(at)! : unit
  }

  /** The end of a match from `start` on; -1 if there is none. */
  #run(entry: number, start: number): number {
    const [code, sets, base] = [this.#code, this.#program.sets, this.#top]
    let [pc, at, bits] = [entry, start, 0]
    for (;;) {
      if (++this.#steps > this.#stepsRemembered) this.#expectTime(at)
      let fails = false
      switch (code[pc]) {
        case OP.done:
          this.#top = base
          return at
        case OP.take: {
          const point = this.#pointAt(at)
          if (point >= 0 && sets[code[pc + 1]].has(point)) {
            at += point > 0xffff ? 2 : 1
            bits = -1
            pc += 2
          } else fails = true
          break
        }
        case OP.fork: {
          const [first, second] = [code[pc + 3], code[pc + 4]]
          const point = first >= 0 || second >= 0 ? this.#pointAt(at) : -1
          const takesFirst = first < 0 || (point >= 0 && sets[first].has(point))
          const takesSecond = second < 0 || (point >= 0 && sets[second].has(point))
          if (takesFirst && takesSecond) {
            if (this.#remembers && this.#target < 0) {
              if (this.#failures.has(code[pc + 5], at, bits)) {
                fails = true
                break
              }
              this.#push(pc, at, FAILED, bits, 0, 0)
            }
            this.#push(code[pc + 2], at, PLAIN, bits, 0, 0)
          }
          if (takesFirst) pc = code[pc + 1]
          else if (takesSecond) pc = code[pc + 2]
          else fails = true
          break
        }
        case OP.jump:
          pc = code[pc + 1]
          break
        case OP.run: {
          const end = this.#runOf(pc, at, bits)
          if (end < 0) fails = true
          else {
            if (end > at) bits = -1
            at = end
            pc += 5
          }
          break
        }
        case OP.atomic: {
          const end = this.#run(code[pc + 1], at)
          if (end < 0) fails = true
          else {
            if (end > at) bits = -1
            at = end
            pc += 2
          }
          break
        }
        case OP.ahead:
          fails = this.#run(code[pc + 1], at) >= 0 === (code[pc + 2] === 1)
          pc += 3
          break
        case OP.behind:
          fails =
            this.#isBehind(code[pc + 1], at, this.#program.lengths[code[pc + 3]]) === (code[pc + 2] === 1)
          pc += 4
          break
        case OP.place:
          fails = !isAt(PLACES[code[pc + 1]], this.#text, at)
          pc += 2
          break
        case OP.enter:
          bits &= ~(1 << code[pc + 1])
          pc += 2
          break
        case OP.leave:
          pc = (bits & (1 << code[pc + 1])) === 0 ? code[pc + 3] : code[pc + 2]
          break
        case OP.arrived:
          fails = at !== this.#target
          pc++
          break
      }
      if (!fails) continue
      // Back to what was left to try last.
      for (;;) {
        if (this.#top === base) return -1
        this.#top -= FRAME
        const stack = this.#stack
        const least = stack[this.#top + 2]
        pc = stack[this.#top]
        at = stack[this.#top + 1]
        bits = stack[this.#top + 3]
        if (least === FAILED) {
          this.#failures.add(code[pc + 5], at, bits)
          continue
        }
        if (least !== PLAIN) {
          if (at <= least) {
            this.#endRun(pc, stack[this.#top + 4], stack[this.#top + 5])
            continue
          }
          const shorter = before(this.#text, at)
          stack[this.#top + 1] = shorter
          this.#top += FRAME
          at = shorter
          if (shorter > stack[this.#top - FRAME + 4]) bits = -1
          pc += 5
        }
        break
      }
    }
  }

  /** Takes as much as a run may, and leaves it to try less; -1 if it fails. */
  #runOf(pc: number, start: number, bits: number): number {
    const [code, text] = [this.#code, this.#text]
    const set = this.#program.sets[code[pc + 1]]
    const [min, max, number] = [code[pc + 2], code[pc + 3], code[pc + 4]]
    const open = max < 0 && this.#program.bits === 0
    if (open && start >= this.#failedFrom[number] && start <= this.#failedTo[number]) return -1
    let [at, count, least] = [start, 0, min === 0 ? start : -1]
    while (count !== max && at < text.length) {
      const unit = text.charCodeAt(at)
      const wide = (unit & 0xfc00) === 0xd800
      if (!set.has(wide ? text.codePointAt(at)! : unit)) break
      at += wide ? 2 : 1
      if (++count === min) least = at
    }
    this.#steps += count >> 3
    if (count < min) return -1
    if (at > least) this.#push(pc, at, least, bits, start, at)
    return at
  }

  /** A run that has tried all fails wherever it begins between there. */
  #endRun(pc: number, start: number, end: number): void {
    if (this.#code[pc + 3] >= 0) return
    const number = this.#code[pc + 4]
    this.#failedFrom[number] = start
    this.#failedTo[number] = end
  }

  #isBehind(entry: number, at: number, lengths: readonly number[]): boolean {
    const target = this.#target
    const found = lengths.some((length) => {
      let from = at
      for (let i = 0; i < length; i++) {
        if (from === 0) return false
        from = before(this.#text, from)
      }
      this.#target = at
      return this.#run(entry, from) >= 0
    })
    this.#target = target
    return found
  }

  #push(pc: number, at: number, least: number, bits: number, start: number, end: number): void {
    if (this.#top + FRAME > this.#stack.length) {
      const larger = new Int32Array(this.#stack.length * 2)
      larger.set(this.#stack)
      this.#stack = larger
    }
    const stack = this.#stack
    stack[this.#top] = pc
    stack[this.#top + 1] = at
    stack[this.#top + 2] = least
    stack[this.#top + 3] = bits
    stack[this.#top + 4] = start
    stack[this.#top + 5] = end
    this.#top += FRAME
  }

  /** Begins to remember when a text costs much, and ends when it costs too much. */
  #expectTime(at: number): void {
    const { length } = this.#text
    if (this.#steps > MOST_STEPS + MOST_STEPS_PER_UNIT * length) {
      throw new PatternError('the pattern takes too long for the text', '')
    }
    if (this.#steps > FREE_STEPS + STEPS_PER_UNIT * at) {
      this.#remembers = true
      this.#stepsRemembered = MOST_STEPS + MOST_STEPS_PER_UNIT * length
    } else this.#stepsRemembered = FREE_STEPS + STEPS_PER_UNIT * at
  }
}
