/** What a file or a text can ask for ends in time. Times are many times what a slow machine takes. */
import { beforeAll, describe, expect, test } from 'vitest'
import { readTestFile } from '../../test/files.ts'
import { onlyIn } from '../../test/left-out.ts'
import { openTokenizer } from './definition/hugging-face.ts'
import { openPattern } from './pattern/pattern.ts'
import type { Tokenizer } from './tokenizer.ts'

let definition: Record<string, unknown>
beforeAll(async () => {
  const json = new TextDecoder().decode(await readTestFile('test/fixtures/tokenizer/neox/tokenizer.json'))
  definition = JSON.parse(json) as Record<string, unknown>
})

const open = (change: object = {}): Promise<Tokenizer> =>
  openTokenizer(JSON.stringify({ ...definition, ...change }))

const times = (pattern: string, text: string): number => {
  let count = 0
  openPattern(pattern, 'pattern').each(text, () => count++)
  return count
}

const replace = (from: string, to: string): object => ({
  type: 'Replace',
  pattern: { Regex: from },
  content: to.repeat(60),
})

describe('in time', { timeout: 8000 }, () => {
  test.each(['(?:e+)+b', '(e|e)+z', '(?:e|ee)+b', '(?:e*)*b', '(?=(?:e+)+b)e', '(?:(?:e{0,3}){0,3}){0,3}b'])(
    'a pattern that backtracks, %s',
    (pattern) => {
      expect(times(pattern, 'e'.repeat(1000))).toBe(0)
    },
  )

  test('a pattern whose time is the square of a text is an error that names it', onlyIn('long'), () => {
    expect(() => times('(?=(?>e*)b)e', 'e'.repeat(60_000))).toThrow(
      /\[pattern\] the pattern takes too long for the text.*\(\?>e\*\)b/,
    )
  })

  test('long runs of marks', async () => {
    const tokenizer = await open()
    // The marks of a letter are put in order by their classes: these are all in the wrong one.
    const ids = tokenizer.encode(`a${'\u0301\u0316'.repeat(60_000)}`)
    expect(tokenizer.decode(ids)).toBe(
      `\u00E1${'\u0316'.repeat(60_000)}${'\u0301'.repeat(59_999)}`.normalize('NFC'),
    )
  })

  test('a long text that is one word', async () => {
    const tokenizer = await open({ pre_tokenizer: null, normalizer: null })
    const text = 'the cat sat on the mat '.repeat(17_000).replaceAll(' ', '\u0120')
    const spelled = tokenizer.encode(text)
    expect(spelled.length).toBeGreaterThan(10_000)
    expect(tokenizer.encode(text.slice(0, text.length / 2)).length).toBeLessThan(spelled.length)
  })

  test('replacements that grow', async () => {
    const normalizer = { type: 'Sequence', normalizers: [replace('.', 'x'), replace('x', 'y')] }
    const tokenizer = await open({ normalizer })
    expect(() => tokenizer.encode('hello world '.repeat(2000))).toThrow(/normalizer\].*too long/)
  })

  test.each([
    ['pre_tokenizer', 'pretokenizers'],
    ['post_processor', 'processors'],
  ])('a tree of steps in %s', async (key, inner) => {
    let step: object = { type: 'ByteLevel' }
    for (let i = 0; i < 7; i++) step = { type: 'Sequence', [inner]: [step, step, step] }
    await expect(open({ [key]: step })).rejects.toThrow(/too many steps|at most/)
  })
})
