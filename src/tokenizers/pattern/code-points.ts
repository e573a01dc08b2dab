/** Sets of code points, by what JavaScript knows of Unicode. */

/** A set that is asked often: answers are kept by pages of 256 code points. */
export class CodePoints {
  readonly #test: (codePoint: number) => boolean
  readonly #pages: (Uint8Array | undefined)[] = []

  constructor(test: (codePoint: number) => boolean) {
    this.#test = test
  }

  has(codePoint: number): boolean {
    const page = this.#pages[codePoint >> 8] ?? this.#fill(codePoint >> 8)
    return page[codePoint & 255] === 1
  }

  #fill(index: number): Uint8Array {
    const page = Uint8Array.from({ length: 256 }, (_, i) => Number(this.#test((index << 8) + i)))
    this.#pages[index] = page
    return page
  }
}

const kept = new Map<string, CodePoints>()

/** The code points that a regular expression of JavaScript matches, one set for each expression. */
export function matching(source: string, flags = 'u'): CodePoints {
  const key = `${flags}/${source}`
  let set = kept.get(key)
  if (!set) {
    const regex = new RegExp(source, flags)
    set = new CodePoints((codePoint) => regex.test(String.fromCodePoint(codePoint)))
    kept.set(key, set)
  }
  return set
}

export const WHITE_SPACE = matching('\\p{White_Space}')

/** Words of Rust's regular expressions. */
export const RUST_WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200C\\u200D'

const ranges = (text: string): [first: number, last: number][] =>
  text.split(' ').map((range) => {
    const [first, last = first] = range.split('-').map((digits) => Number.parseInt(digits, 16))
    return [first, last]
  })

/** Those in ranges of hexadecimal numbers, `9fe afa-aff`. */
export function listed(text: string): CodePoints {
  const list = ranges(text)
  return new CodePoints((codePoint) => list.some(([first, last]) => codePoint >= first && codePoint <= last))
}
