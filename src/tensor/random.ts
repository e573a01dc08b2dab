import { ConfigError, describe, StateError } from '../errors.ts'

/** The generator's state, to be saved with a run and restored exactly. */
export type RandomState = readonly [number, number, number, number]

/**
 * Seeded pseudo-random numbers: xoshiro128** (Blackman and Vigna, 2018), seeded by splitmix32.
 * The same seed gives the same numbers on every platform.
 */
export class Random {
  #a = 0
  #b = 0
  #c = 0
  #d = 0

  /** Each whole number up to 2^53 - 1 has numbers of its own. Throws ConfigError for anything else. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) {
      throw new ConfigError('not a seed', {
        where: 'seed',
        expected: 'a whole number up to 2^53 - 1',
        found: describe(seed),
      })
    }
    const [a, b, c, d] = splitmix(seed | 0)
    const high = Math.floor(seed / 2 ** 32)
    // `c` and `d` tell the low word, and with it the first two tell the high one. They are swapped, so that
    // they cannot both be those of a seed without a high word.
    const [first, second] = high === 0 ? [b, a] : splitmix(c ^ high)
    this.state = [second, first, c, d]
  }

  /** Where the sequence of numbers is; setting it continues from there. */
  get state(): RandomState {
    return [this.#a, this.#b, this.#c, this.#d]
  }

  set state(words: RandomState) {
    if (!Array.isArray(words) || words.length !== 4 || !words.every(Number.isInteger)) {
      throw new StateError('not the state of random numbers', {
        where: 'random',
        expected: 'four words',
        found: describe(words),
      })
    }
    const [a, b, c, d] = words
    this.#a = a | 0
    this.#b = b | 0
    this.#c = c | 0
    this.#d = d | 0
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    const x = Math.imul(this.#b, 5)
    const result = Math.imul((x << 7) | (x >>> 25), 9)
    const t = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= t
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result >>> 0
  }

  /** Uniform in [low, high), with 53 bits. */
  uniform(low = 0, high = 1): number {
    const fraction = ((this.bits() >>> 5) * 67108864 + (this.bits() >>> 6)) / 9007199254740992
    return low + fraction * (high - low)
  }

  /** Uniform integer in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound)
  }

  /**
   * Normal, by Box and Muller. The second number of the pair is dropped, so that the state stays four words.
   */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform())
  }
}

/** Four words that a word begins: each tells it, and no two are made of it in the same way. */
function splitmix(word: number): RandomState {
  let z = word
  const next = (): number => {
    z = (z + 0x9e3779b9) | 0
    let t = z ^ (z >>> 16)
    t = Math.imul(t, 0x21f0aaad)
    t ^= t >>> 15
    t = Math.imul(t, 0x735a2d97)
    return t ^ (t >>> 15)
  }
  return [next(), next(), next(), next()]
}
