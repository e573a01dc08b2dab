/** A tokenizer.json, and what is done with it. */
import { openTokenizer } from '../../../src/tokenizers/definition/hugging-face.ts'
import { readTestFile } from '../../files.ts'
import type { FuzzTarget } from './run.ts'

const TEXT = "It's 2 x <|endoftext|>\n\n  日本 😀 \uFEFFé\u0301"
const FOLDER = 'test/fixtures/tokenizer'

export const tokenizerTarget: FuzzTarget = {
  name: 'tokenizer',
  seeds: () =>
    Promise.all(
      ['neox', 'llama3', 'sentencepiece'].map(async (name) => ({
        name,
        bytes: await readTestFile(`${FOLDER}/${name}/tokenizer.json`),
      })),
    ),
  async run(bytes) {
    const tokenizer = await openTokenizer(new TextDecoder().decode(bytes))
    const ids = tokenizer.encode(TEXT, { special: true })
    tokenizer.decode([...ids, 0, 1, 2, tokenizer.size - 1, tokenizer.size], { special: true })
    tokenizer.decode(ids.toReversed())
  },
}
