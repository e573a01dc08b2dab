/** What ends a command before its end: signals of the process, and standard output that takes no more. */
import { constants } from 'node:os'
import { writeError } from '../../checkpoints/atomic.ts'
import { explain } from '../commands/explain.ts'
import { tell } from './terminal.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
type Signal = (typeof SIGNALS)[number]

/** What a process gives back that a signal has ended. */
const codeOf = (signal: Signal | 'SIGPIPE'): number => 128 + constants.signals[signal]
export const INTERRUPTED = codeOf('SIGINT')

/**
 * The first Ctrl-C (or SIGTERM) asks to stop, by the abort signal. The next one ends the process at once: it
 * meets no handler, which works even while this thread computes. When nobody reads our output any more
 * (`sidewinder generate … | head -1`), or its disk is full, that asks to stop, too.
 */
class Interruption {
  readonly #controller = new AbortController()
  /** The exit code, once something has asked to stop. */
  code: number | undefined
  /** Takes a Ctrl-C in place of stopping, and says whether it did. */
  onInterrupt: (() => boolean) | undefined

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Asks to stop. */
  stop(code: number): void {
    if (this.code === undefined) process.exitCode = this.code = code
    this.#controller.abort(new Error('the command was interrupted'))
  }

  listen(): void {
    for (const signal of SIGNALS) process.on(signal, this.#receive)
    process.stdout.on('error', this.#lose)
    // There is nowhere left to say that errors cannot be told.
    process.stderr.on('error', () => {})
  }

  /** Signals of the process end it from now on. */
  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#receive)
  }

  readonly #receive = (signal: Signal): void => {
    if (signal === 'SIGINT' && this.onInterrupt?.()) return
    // Both came while a step was computed: they are heard together.
    if (this.signal.aborted) process.exit(codeOf(signal))
    this.stop(codeOf(signal))
    setImmediate(() => this.release())
  }

  readonly #lose = (error: NodeJS.ErrnoException): void => {
    const first = this.code === undefined
    const closed = error.code === 'EPIPE'
    this.stop(closed ? codeOf('SIGPIPE') : 1)
    if (first && !closed) tell(explain(writeError(error, 'standard output'), false))
  }
}

/** That of this process. */
export const interruption = new Interruption()
