import { expect, test } from 'vitest'
import { readTestFile } from '../../../test/files.ts'
import { readGguf } from '../../checkpoints/gguf/index.ts'
import { endsOf } from './gguf-ends.ts'
import { ggufTokenizer } from './gguf.ts'

const none = (): undefined => undefined

test.each([
  ['an end of a message beside the end of a text', ['a', '<|im_end|>', '</s>'], [2], [2, 1]],
  ['parts of an answer', ['<|end|>', '<|return|>', '<|call|>'], [1], [1, 2]],
  ['parts of an answer, by other names', ['<|end|>', '<|flush|>', '<|calls|>'], [1], [1, 2]],
  ['no calls', ['<|end|>', '<|return|>'], [1], [1, 0]],
  ['answers of tools', ['</s>', '<turn|>', '<|tool_response>'], [1], [1, 2]],
  ['even if a key names it', ['</s>', '<turn|>', '<|tool_response>'], [0], [1, 2]],
  [
    'gaps in code: the first of a name',
    ['<|fim_pad|>', '[PAD]', '<reponame>', '<|file_sep|>'],
    [],
    [0, 2, 3],
  ],
  ['nothing', ['a', 'end'], [], []],
])('%s', (_, tokens, named, expected) => {
  expect(endsOf(named, tokens, none)).toEqual(expected)
})

test('what a key names goes before what is called so', () => {
  const ends = endsOf([], ['[PAD]', 'a'], (key) => (key === 'fim_pad_token_id' ? 1 : undefined))
  expect(ends).toEqual([1])
})

test('a file that calls a token <|im_end|>', async () => {
  const { metadata } = await readGguf(await readTestFile('test/fixtures/gguf/ends/model.gguf'))
  expect((await ggufTokenizer(metadata))!.end).toEqual([1, 0])
})
