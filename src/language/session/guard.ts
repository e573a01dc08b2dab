import { NumericsError, StateError } from '../../errors.ts'

const DISPOSED = 'it was disposed'

/** Who may use a session: one at a time, and no one after it broke. */
export class Guard {
  readonly #expectAlive: () => void
  /** Who uses it now. */
  #holder: string | undefined
  #failure: { readonly cause: unknown } | undefined
  #turn = 0

  /** `expectAlive` throws if what the session is made of is gone. */
  constructor(expectAlive: () => void) {
    this.#expectAlive = expectAlive
  }

  /** Whether there is a state, and it is known. */
  get sound(): boolean {
    return this.#failure === undefined && this.#holder !== DISPOSED
  }

  /** Throws if the session is in use, broken or disposed, or its model is. */
  expectFree(): void {
    this.expectAlive()
    if (this.#failure) {
      throw new StateError('the session cannot be used any more: an earlier call failed', {
        where: 'session',
        cause: this.#failure.cause,
        hint: 'Begin another from what was saved: model.session({ from })',
      })
    }
    if (this.#holder !== undefined) {
      throw new StateError(`the session cannot be used now: ${this.#holder}`, { where: 'session' })
    }
  }

  /** Throws if the session or its model was disposed. */
  expectAlive(): void {
    if (this.#holder === DISPOSED) {
      throw new StateError('the session was disposed', { where: 'session', hint: 'Begin a new one' })
    }
    this.#expectAlive()
  }

  /** Runs `body` while no one else may. */
  async alone<T>(body: () => Promise<T>): Promise<T> {
    this.lock('another call is under way')
    try {
      return await body()
    } finally {
      this.unlock()
    }
  }

  /** The tokens are changed now: whoever generated until then may not go on. Gives the number of the turn. */
  change(): number {
    return ++this.#turn
  }

  /** Throws if something else changed the tokens since a turn began. */
  expectTurn(turn: number): void {
    this.expectAlive()
    if (turn === this.#turn) return
    throw new StateError('the tokens of the session were changed while this generation was under way', {
      where: 'session',
      hint: 'Let one loop end before the next call, or take a session for each',
    })
  }

  lock(holder: string): void {
    this.expectFree()
    this.#holder = holder
  }

  unlock(): void {
    if (this.#holder !== DISPOSED) this.#holder = undefined
  }

  /** Runs what changes the state on the device. If that fails, what the state is then is not known. */
  async running<T>(body: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      const result = await body()
      this.expectAlive()
      return result
    } catch (error) {
      // What was disposed meanwhile shows as released memory: say what it was.
      if (error instanceof StateError) this.expectAlive()
      const harmless = error instanceof StateError || error instanceof NumericsError
      if (!harmless && !(signal?.aborted && error === signal.reason)) this.#failure = { cause: error }
      throw error
    }
  }

  /** True the first time. */
  dispose(): boolean {
    const first = this.#holder !== DISPOSED
    this.#holder = DISPOSED
    return first
  }
}
