import type { LossUnit } from '../../tasks/task.ts'
import type { TrainedStep } from '../../train/trainer.ts'
import { duration, short } from './show.ts'
import { shown } from './terminal.ts'

/** What progress is written to: a terminal, or anything that takes text. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** The words of a line. */
interface Words {
  /** How a loss is told. */
  readonly loss: LossUnit
  /** What a step takes in: tokens. */
  readonly positions: string
}

const REDRAW = 0.1
/** Seconds between plain lines. */
const PLAIN = 10

/** One line that is rewritten on a terminal; plain lines now and then elsewhere. */
export class ProgressLine {
  readonly #screen: Screen
  readonly #steps: number
  readonly #words: Words
  readonly #now: () => number
  readonly #began: number
  #line = ''
  #shown = Number.NEGATIVE_INFINITY
  #resumed: number | undefined
  /** Since when steps are timed; moved on by what is not training. */
  #since: number
  #tokensPerSecond: number | undefined
  #loss: number | undefined

  constructor(screen: Screen, steps: number, words: Words, now = (): number => performance.now() / 1000) {
    this.#screen = screen
    this.#steps = steps
    this.#words = words
    this.#now = now
    this.#began = this.#since = now()
  }

  step({ step, loss, learningRate, tokens }: TrainedStep): void {
    const now = this.#now()
    this.#resumed ??= step - 1
    // Means over about the last 20 steps.
    this.#loss =
      this.#loss === undefined ? loss : this.#loss + (loss - this.#loss) / Math.min(step - this.#resumed, 20)
    const speed = tokens / Math.max(now - this.#since, 1e-9)
    // The first step also compiles and records: it says little of the speed.
    const known = this.#tokensPerSecond !== undefined && step - this.#resumed > 2
    this.#tokensPerSecond = known ? 1 / (0.95 / this.#tokensPerSecond! + 0.05 / speed) : speed
    this.#since = now
    const left = ((now - this.#began) / (step - this.#resumed)) * (this.#steps - step)
    const { loss: unit, positions } = this.#words
    this.#line = [
      `step ${step}/${this.#steps}`,
      `${(this.#loss * unit.scale).toFixed(3)} ${unit.short}`,
      `${short(this.#tokensPerSecond)} ${positions}/s`,
      `lr ${learningRate.toExponential(1)}`,
      step === this.#steps ? `took ${duration(now - this.#began)}` : `${duration(left)} left`,
    ].join('  ')
    const wait = this.#screen.isTTY ? REDRAW : PLAIN
    if (now - this.#shown < wait && step !== this.#steps) return
    this.#shown = now
    this.#draw()
  }

  /** A line that stays. */
  note(text: string): void {
    this.#clear()
    this.#screen.write(`${shown(text)}\n`)
    if (this.#line !== '' && this.#screen.isTTY) this.#draw()
  }

  /** Time since the last step was spent on something else than training. */
  skip(): void {
    this.#since = this.#now()
  }

  /** Leaves the line as it is and goes to the next. */
  end(): void {
    if (this.#screen.isTTY && this.#line !== '') this.#screen.write('\n')
    this.#line = ''
  }

  #draw(): void {
    if (!this.#screen.isTTY) {
      this.#screen.write(`${this.#line}\n`)
      return
    }
    this.#clear()
    this.#screen.write(this.#line.slice(0, (this.#screen.columns ?? 80) - 1))
  }

  #clear(): void {
    if (this.#screen.isTTY && this.#line !== '') this.#screen.write('\r\x1b[K')
  }
}
