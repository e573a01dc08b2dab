import { expect, test } from 'vitest'
import { CheckpointError } from '../../errors.ts'
import { openTokenizer } from './hugging-face.ts'

/** A tokenizer whose tokens are the pieces that are expected, and the characters of others. */
async function piecesOf(preTokenizer: unknown, text: string, expected: readonly string[]): Promise<string[]> {
  const words = new Set([
    'a',
    ...expected,
    ...expected.flatMap((piece) => Array.from(piece)),
    ...Array.from(text),
  ])
  const tokenizer = await openTokenizer(
    JSON.stringify({
      pre_tokenizer: preTokenizer,
      decoder: { type: 'Fuse' },
      model: {
        type: 'BPE',
        unk_token: 'a',
        ignore_merges: true,
        vocab: Object.fromEntries([...words].map((word, id) => [word, id])),
        merges: [],
      },
    }),
  )
  return tokenizer.encode(text).map((id) => tokenizer.decode([id]))
}

const split = (pattern: object, behavior: string, invert = false): object => ({
  type: 'Split',
  pattern,
  behavior,
  invert,
})
const dash = { String: '-' }

// Expected pieces are from tokenizers 0.23.2.
test.each<[preTokenizer: object, text: string, pieces: string]>([
  [split(dash, 'Removed'), 'a--b-c-', 'a|b|c'],
  [split(dash, 'Removed', true), 'a--b-c-', '-|-|-|-'],
  [split(dash, 'Isolated'), 'a--b-c-', 'a|-|-|b|-|c|-'],
  [split(dash, 'Isolated', true), 'a--b-c-', 'a|-|-|b|-|c|-'],
  [split(dash, 'MergedWithPrevious'), 'a--b-c-', 'a-|-|b-|c-'],
  [split(dash, 'MergedWithPrevious', true), 'a--b-c-', 'a|-|-b|-c|-'],
  [split(dash, 'MergedWithNext'), 'a--b-c-', 'a|-|-b|-c|-'],
  [split(dash, 'MergedWithNext', true), 'a--b-c-', 'a-|-|b-|c-'],
  [split(dash, 'Contiguous'), 'a--b-c-', 'a|--|b|-|c|-'],
  [split(dash, 'Contiguous', true), 'a--b-c-', 'a|--|b|-|c|-'],
  [split({ Regex: '\\p{N}|\\s+' }, 'MergedWithNext'), 'ab1 2c', 'ab|1| |2c'],
  [split({ Regex: '(?i:ab|b)+' }, 'MergedWithPrevious'), 'xABbyb', 'xABb|yb'],
  [{ type: 'Digits', individual_digits: false }, '²a½ 12٣ é¼', '²|a|½| |12٣| é|¼'],
  [{ type: 'Digits', individual_digits: true }, '²a½12٣', '²|a|½|1|2|٣'],
  [{ type: 'Punctuation', behavior: 'Contiguous' }, 'a$+b!?c', 'a|$+|b|!?|c'],
  [{ type: 'Punctuation', behavior: 'Isolated' }, 'a$+b!?c', 'a|$|+|b|!|?|c'],
  [{ type: 'Whitespace' }, 'a_b² é-¼ x\u0301\u200Dy', 'a_b|²|é|-¼|x\u0301\u200Dy'],
  [{ type: 'WhitespaceSplit' }, 'a\u0085b\uFEFFc \t d', 'a|b\uFEFFc|d'],
  [{ type: 'Metaspace', replacement: '▁' }, 'a  b c', '▁a|▁|▁b|▁c'],
  [{ type: 'Metaspace', replacement: '▁', add_prefix_space: false }, 'a b', 'a|▁b'],
  [{ type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false }, ' a b', '▁a▁b'],
  [{ type: 'ByteLevel', add_prefix_space: false }, 'a\u0085b\uFEFFc', 'a|Âħ|b|ï»¿|c'],
  [{ type: 'ByteLevel' }, "é😀 it's", "ĠÃ©|ðŁĺĢ|Ġit|'s"],
  [
    {
      type: 'Sequence',
      pretokenizers: [{ type: 'ByteLevel', add_prefix_space: false }, { type: 'Digits' }],
    },
    'é¼',
    'Ã©|Â|¼',
  ],
])('%j splits %j', async (preTokenizer, text, pieces) => {
  const expected = pieces.split('|')
  expect(await piecesOf(preTokenizer, text, expected)).toEqual(expected)
})

test.each<[preTokenizer: object, message: RegExp]>([
  [
    { type: 'UnicodeScripts' },
    /\[tokenizer\.json: pre_tokenizer\] this pre-tokenizer is not read.*UnicodeScripts/,
  ],
  [split(dash, 'Sideways'), /pre_tokenizer\.behavior.*Sideways/],
  [split({ Regex: '(' }, 'Isolated'), /pre_tokenizer\.pattern\] a parenthesis is not closed/],
  [split({ Regex: '(a)\\1' }, 'Isolated'), /this escape is not read.*1 in \(a\)/],
  [split({ String: '' }, 'Isolated'), /pre_tokenizer\.pattern/],
  [{ type: 'Sequence', pretokenizers: [{ type: 'ByteLevel' }, { type: 'ByteLevel' }] }, /into bytes twice/],
  [
    { type: 'Sequence', pretokenizers: Array.from({ length: 40 }, () => ({ type: 'Digits' })) },
    /too many steps/,
  ],
  [{ type: 7 }, /pre_tokenizer\.type/],
])('%j is refused', async (preTokenizer, message) => {
  await expect(piecesOf(preTokenizer, '', ['a'])).rejects.toThrow(message)
  await expect(piecesOf(preTokenizer, '', ['a'])).rejects.toThrow(CheckpointError)
})
