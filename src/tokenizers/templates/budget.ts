/** What a template may cost. Strangers write templates: steps and characters are counted, never seconds. */

/** Half a second: a published template takes some hundred steps a message. */
const MAX_STEPS = 2 ** 21
/** Of one text. */
const MAX_TEXT = 2 ** 24
/** Of all texts that are made on the way. */
const MAX_TEXTS = 2 ** 26
/** Characters that cost as much as one step: where they are copied, and where each is looked at. */
const COPIED_PER_STEP = 32
const READ_PER_STEP = 8
/** Nested expressions, calls and values: less than what a small stack has room for. */
const MAX_DEPTH = 200

/** What is wrong with a template, or with what it is given. */
export class Fault extends Error {}

/** The template says itself that it does not take these messages. */
export class Refusal extends Fault {}

export class Budget {
  #steps = 0
  #characters = 0
  #depth = 0

  /** Counts steps, or elements that are made or looked at. */
  take(steps: number): void {
    this.#steps += steps
    if (this.#steps > MAX_STEPS) throw new Fault('it does not end in time')
  }

  /** Counts characters that are compared or copied. */
  scan(characters: number): void {
    this.take(1 + characters / COPIED_PER_STEP)
  }

  /** A text, if the value is one, is looked at character by character. */
  read(value: unknown): void {
    if (typeof value === 'string') this.take(1 + value.length / READ_PER_STEP)
  }

  /** A text of so many characters is made. */
  make(characters: number): void {
    this.#characters += characters
    if (characters > MAX_TEXT || this.#characters > MAX_TEXTS) throw new Fault('it makes too long a text')
    this.scan(characters)
  }

  /** Runs `body` one level deeper. */
  within<T>(body: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new Fault('it is nested too deeply')
    try {
      return body()
    } finally {
      this.#depth--
    }
  }
}
