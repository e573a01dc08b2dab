/** Pre-tokenizers of GGUF files, by the names that llama.cpp gives them. */
import { GPT2_PATTERN, PUNCTUATION_PATTERN } from '../definition/pre-tokenizer.ts'

/** What the name of a pre-tokenizer says. */
export interface GgufPreTokenizer {
  /** Text is split by each in turn. */
  readonly patterns: readonly string[]
  /** Words that are tokens are not merged from parts. */
  readonly ignoreMerges?: boolean
  /** Texts begin with a token unless the file says otherwise. */
  readonly begins?: boolean
}

/** Where, among patterns, text becomes bytes. */
export const BYTES = 'bytes'

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

/** Of those that are equal the first is the one to write. */
export const GGUF_PRE_TOKENIZERS: ReadonlyMap<string, GgufPreTokenizer> = new Map([
  ['default', { patterns: ['[\\p{P}$+<=>\\^~|]+', GPT2_PATTERN, '\\p{N}+', DIGIT_TRIPLES] }],
  ['falcon', { patterns: ['[\\p{P}$+<=>\\^~|`]+', GPT2_PATTERN, DIGIT_TRIPLES] }],
  ['tekken', { patterns: [casedWords('\\p{N}')], ignoreMerges: true, begins: true }],
  ['deepseek-coder', { patterns: ['[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', '[一-龥ࠀ-一가-퟿]+', '\\p{N}'] }],
  ['viking', { patterns: [BLOOM_PATTERN, '\\p{N}'] }],
  ...named({ patterns: [BLOOM_PATTERN] }, 'bloom', 'gpt3-finnish', 'poro-chat'),
  ...named(GPT2, 'gpt-2', 'a.x-4.0', 'exaone4', 'gigachat', 'granite-docling', 'jais', 'mellum', 'mpt'),
  ...named(GPT2, 'olmo', 'phi-2', 'trillion'),
  ...named(GPT2_SINGLES, 'starcoder', 'codeshell', 'command-r', 'exaone', 'minerva-7b', 'refact', 'smollm'),
  ...named(GPT4O, 'gpt-4o', 'llama4'),
  ...named(LLAMA3, 'llama-bpe', 'falcon-h1', 'falcon3', 'lfm2', 'llama-v3', 'llama3', 'midm-2.0', 'pixtral'),
  ...named(SINGLES, 'qwen2', 'deepseek-r1-qwen', 'hunyuan', 'kormo', 'megrez', 'stablelm2'),
  ...named(TRIPLES, 'dbrx', 'chatglm-bpe', 'glm4', 'smaug-bpe'),
])

/** As it is published: numbers are cut off once more among the bytes, which llama.cpp leaves out. */
const FALCON = [`(?:${PUNCTUATION_PATTERN})+`, GPT2_PATTERN, BYTES, '\\p{N}+', DIGIT_TRIPLES]

/** The steps of a pre-tokenizer, and what else decides which of llama.cpp's it is. */
export interface PreTokenizerSteps {
  /** Patterns whose matches are isolated, and `BYTES` where text becomes bytes. */
  readonly steps: readonly string[]
  readonly ignoreMerges: boolean
  /** What merges make, spelled as bytes. */
  readonly made: readonly string[]
}

/** The name that llama.cpp has for it, of equals the first; undefined if there is none. */
export function ggufNameOf({ steps, ignoreMerges, made }: PreTokenizerSteps): string | undefined {
  // Without that cut it is the same where no token of merges lies across it.
  const cut = /\p{N}\P{N}|\P{N}\p{N}/u
  if (same(steps, FALCON) && !ignoreMerges && !made.some((token) => cut.test(token))) return 'falcon'
  const found = [...GGUF_PRE_TOKENIZERS].find(
    ([, known]) => (known.ignoreMerges ?? false) === ignoreMerges && same(steps, [...known.patterns, BYTES]),
  )
  return found?.[0]
}

const same = (a: readonly string[], b: readonly string[]): boolean => JSON.stringify(a) === JSON.stringify(b)

function named(kind: GgufPreTokenizer, ...names: string[]): [string, GgufPreTokenizer][] {
  return names.map((name) => [name, kind])
}
