/** Pre-tokenizers of GGUF files, by the names that llama.cpp gives them. */
import { GPT2_PATTERN } from './pre-tokenizer.ts'

/** What the name of a pre-tokenizer says. */
export interface GgufPreTokenizer {
  /** Text is split by each in turn. */
  readonly patterns: readonly string[]
  /** Words that are tokens are not merged from parts. */
  readonly ignoreMerges?: boolean
  /** Texts begin with a token unless the file says otherwise. */
  readonly begins?: boolean
}

const DIGIT_TRIPLES = '[0-9][0-9][0-9]'
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const SPACE = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'

/** Contractions, words with a character before them, numbers, other characters with line ends, space. */
const words = (digits: string): string =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACE}`

/** The same with words that begin anew at capitals; `suffix` may end a word. */
function casedWords(digits: string, suffix = ''): string {
  const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
  const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
  const before = '[^\\r\\n\\p{L}\\p{N}]?'
  return (
    `${before}${upper}*${lower}+${suffix}|${before}${upper}+${lower}*${suffix}` +
    `|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACE}`
  )
}

const LLAMA3: GgufPreTokenizer = {
  patterns: [words('\\p{N}{1,3}')],
  ignoreMerges: true,
  begins: true,
}
const TRIPLES: GgufPreTokenizer = { patterns: [words('\\p{N}{1,3}')] }
const SINGLES: GgufPreTokenizer = { patterns: [words('\\p{N}')] }
const GPT2: GgufPreTokenizer = { patterns: [GPT2_PATTERN] }
const GPT2_SINGLES: GgufPreTokenizer = { patterns: ['\\p{N}', GPT2_PATTERN] }
const GPT4O: GgufPreTokenizer = { patterns: [casedWords('\\p{N}{1,3}', `${CONTRACTIONS}?`)] }
const BLOOM_PATTERN = ' ?[^(\\s|.,!?…。，、।۔،)]+'

export const GGUF_PRE_TOKENIZERS: ReadonlyMap<string, GgufPreTokenizer> = new Map([
  ['default', { patterns: ['[\\p{P}$+<=>\\^~|]+', GPT2_PATTERN, '\\p{N}+', DIGIT_TRIPLES] }],
  ['falcon', { patterns: ['[\\p{P}$+<=>\\^~|`]+', GPT2_PATTERN, DIGIT_TRIPLES] }],
  ['tekken', { patterns: [casedWords('\\p{N}')], ignoreMerges: true, begins: true }],
  ['deepseek-coder', { patterns: ['[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', '[一-龥ࠀ-一가-퟿]+', '\\p{N}'] }],
  ['viking', { patterns: [BLOOM_PATTERN, '\\p{N}'] }],
  ...named({ patterns: [BLOOM_PATTERN] }, 'bloom', 'gpt3-finnish', 'poro-chat'),
  ...named(GPT2, 'a.x-4.0', 'exaone4', 'gigachat', 'gpt-2', 'granite-docling', 'jais', 'mellum', 'mpt'),
  ...named(GPT2, 'olmo', 'phi-2', 'trillion'),
  ...named(GPT2_SINGLES, 'codeshell', 'command-r', 'exaone', 'minerva-7b', 'refact', 'smollm', 'starcoder'),
  ...named(GPT4O, 'gpt-4o', 'llama4'),
  ...named(LLAMA3, 'falcon-h1', 'falcon3', 'lfm2', 'llama-bpe', 'llama-v3', 'llama3', 'midm-2.0', 'pixtral'),
  ...named(SINGLES, 'deepseek-r1-qwen', 'hunyuan', 'kormo', 'megrez', 'qwen2', 'stablelm2'),
  ...named(TRIPLES, 'chatglm-bpe', 'dbrx', 'glm4', 'smaug-bpe'),
])

function named(kind: GgufPreTokenizer, ...names: string[]): [string, GgufPreTokenizer][] {
  return names.map((name) => [name, kind])
}
