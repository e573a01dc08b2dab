/** The normal forms of Unicode, in time that is bounded. */
import { matching } from '../pattern/code-points.ts'
import { isUnknownToForms } from './older-unicode.ts'

export type Form = 'NFC' | 'NFD' | 'NFKC' | 'NFKD'

/** Engines sort marks that follow each other by inserting each: longer runs are sorted here first. */
const LONG_RUN = /\p{M}{32,}/gu
/** Half of each mark's place among others is found by asking the engine how it orders two. */
const LAST_MARK = '\u0345'

export function toForm(text: string, form: Form): string {
  // Letters of Latin-1 are their own in all forms.
  if (/^[\0-\x9F]*$/.test(text)) return text
  const compatible = form.startsWith('NFK') ? 'NFKD' : 'NFD'
  let result = ''
  let from = 0
  const take = (to: number): void => {
    const part = text.slice(from, to)
    result += part.replaceAll(LONG_RUN, (run) => sorted(run, compatible)).normalize(form)
  }
  for (let at = 0; at < text.length;) {
    const codePoint = text.codePointAt(at)!
    const next = at + (codePoint > 0xffff ? 2 : 1)
    if (codePoint > 0x7fc && isUnknownToForms.has(codePoint)) {
      take(at)
      result += text.slice(at, next)
      from = next
    }
    at = next
  }
  take(text.length)
  return result
}

/** Marks in their order, so that the engine has nothing to move. */
function sorted(run: string, form: 'NFD' | 'NFKD'): string {
  const marks = Array.from(run, (mark) => Array.from(mark.normalize(form))).flat()
  const kinds = [...new Set(marks)]
  const moving = kinds.filter(moves).toSorted(order)
  let rank = 0
  const ranks = new Map(
    moving.map((mark, i) => [mark, i > 0 && order(moving[i - 1], mark) < 0 ? ++rank : rank]),
  )
  let result = ''
  let open: string[][] = []
  const close = (): void => {
    result += open.map((each) => each?.join('') ?? '').join('')
    open = []
  }
  for (const mark of marks) {
    const place = ranks.get(mark)
    if (place === undefined) {
      close()
      result += mark
    } else (open[place] ??= []).push(mark)
  }
  close()
  return result
}

/** Whether a mark may change places with others at all. */
const moves = (mark: string): boolean => mark === LAST_MARK || order(LAST_MARK, mark) > 0

/** Negative if the engine leaves `a` before `b` and would not leave `b` before `a`. */
function order(a: string, b: string): number {
  if ((a + b).normalize('NFD') !== a + b) return 1
  return (b + a).normalize('NFD') !== b + a ? -1 : 0
}

export const isChinese = matching(
  '[\\u4E00-\\u9FFF\\u3400-\\u4DBF\\u{20000}-\\u{2A6DF}\\u{2A700}-\\u{2B73F}\\u{2B740}-\\u{2B81F}' +
    '\\u{2B920}-\\u{2CEAF}\\uF900-\\uFAFF\\u{2F800}-\\u{2FA1F}]',
)
