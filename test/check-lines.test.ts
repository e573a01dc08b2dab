import { expect, test } from 'vitest'
import { faultsOf, wrapComments } from '../scripts/check-lines.mjs'

const words = (count: number): string => Array.from({ length: count }, (_, i) => `word${i}`).join(' ')
const bare = (text: string): string => text.replaceAll(/[\s/*]+/g, ' ')

test.each([
  ['lines that follow each other', `// ${words(30)}\n// ${words(4)}\nconst x = 1\n`],
  ['one line of a block', `  /** ${words(30)} */\n  const x = 1\n`],
  ['a list in a block', `/**\n * - ${words(20)}\n *   ${words(3)}\n * - ${words(2)}\n */\n`],
])('comments are wrapped, and no word is lost: %s', (_, text) => {
  expect(faultsOf('file', text)).toHaveLength(1)
  const wrapped = wrapComments(text)
  expect(faultsOf('file', wrapped)).toEqual([])
  expect(bare(wrapped)).toBe(bare(text))
  expect(wrapComments(wrapped)).toBe(wrapped)
})

test('files that are too long, and addresses, which cannot be wrapped', () => {
  expect(faultsOf('file', 'x\n'.repeat(300))).toEqual([])
  expect(faultsOf('file', 'x\n'.repeat(301))).toEqual([expect.stringMatching(/301 lines, at most 300/)])
  expect(faultsOf('file', `// https://${'a'.repeat(120)}\n`)).toEqual([])
})
