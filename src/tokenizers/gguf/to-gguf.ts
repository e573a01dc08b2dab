/** A tokenizer as llama.cpp's keys of a GGUF file, where it has words for all that the tokenizer does. */
import type { TypedGgufValue } from '../../checkpoints/gguf/index.ts'
import { clip, isJsonObject, type JsonObject } from '../../checkpoints/json.ts'
import { ConfigError } from '../../errors.ts'
import { byteTokenizer } from '../text/bytes.ts'
import { BYTE_LETTERS } from '../text/byte-letters.ts'
import { pairOf } from '../model/bpe.ts'
import { readDefinition, type Definition } from '../definition/definition.ts'
import { BYTE, CONTROL, NORMAL, PREFIX, UNKNOWN, UNUSED, USER_DEFINED } from './gguf-keys.ts'
import { BYTES, ggufNameOf } from './gguf-patterns.ts'
import { endsOf } from './gguf-ends.ts'
import { END_KEYS, SPACE, TEMPLATE_KEY } from './gguf.ts'
import { besideOf, withTokensBeside } from '../definition/beside.ts'
import { parseTokenizerJson } from '../definition/hugging-face.ts'
import { TOKENIZER } from '../definition/published-files.ts'
import { scoresOfMerges } from './spm-scores.ts'
import type { Tokenizer } from '../tokenizer.ts'

type Metadata = Map<string, TypedGgufValue>

/**
 * The keys `tokenizer.*` for a model with so many tokens; those that the tokenizer lacks become unused ones.
 * A tokenizer from a GGUF file gives the keys that it came with. What llama.cpp does to a text that Unicode
 * normalises (NFC) is not the same: it takes it as it is.
 *
 * @throws ConfigError naming what llama.cpp has no words for
 */
export function ggufOfTokenizer(
  tokenizer: Tokenizer,
  vocabulary: number,
): ReadonlyMap<string, TypedGgufValue> {
  if (tokenizer.gguf) return tokenizer.gguf
  if (tokenizer.name === byteTokenizer.name) return byteVocabulary()
  const json = tokenizer.files.get(TOKENIZER)
  if (json === undefined) return refuse('the tokenizer has no tokenizer.json', tokenizer.name)
  if (tokenizer.size > vocabulary) {
    throw new ConfigError('the tokenizer has more tokens than the model', {
      where: TOKENIZER,
      expected: `at most ${vocabulary}`,
      found: tokenizer.size,
    })
  }
  const value = withTokensBeside(parseTokenizerJson(json, TOKENIZER), tokenizer.files, () => {}) as JsonObject
  const source = { value, definition: readDefinition(value, TOKENIZER), vocabulary }
  const { byte_fallback, continuing_subword_prefix, end_of_word_suffix } = source.definition.model
  if (continuing_subword_prefix !== '' || end_of_word_suffix !== '') {
    return refuse(
      'llama.cpp has no parts of tokens for the middle or the end of words',
      continuing_subword_prefix + end_of_word_suffix,
    )
  }
  return new Map([
    ...(byte_fallback ? sentencePiece(source) : byteLevel(source)),
    ...ends(tokenizer, source.definition),
  ])
}

interface Source {
  readonly value: JsonObject
  readonly definition: Definition
  readonly vocabulary: number
}

const mergesOf = ({ merges }: Definition): (readonly string[])[] => merges.map(pairOf)

/**
 * Bytes, spelled as GPT-2 does, with nothing to merge: any pre-tokenizer does, but with `gpt-2` llama.cpp
 * tidies the spaces of what it gives out. It wants a token that ends a text: byte 0, which texts do not have.
 */
function byteVocabulary(): Metadata {
  return new Map<string, TypedGgufValue>([
    [`${PREFIX}model`, text('gpt2')],
    [`${PREFIX}pre`, text('qwen2')],
    [`${PREFIX}tokens`, texts(BYTE_LETTERS)],
    [`${PREFIX}token_type`, integers(BYTE_LETTERS.map(() => NORMAL))],
    [`${PREFIX}merges`, texts([])],
    [`${PREFIX}eos_token_id`, id(0)],
    [`${PREFIX}add_bos_token`, flag(false)],
  ])
}

/** Byte-level BPE. */
function byteLevel({ value, definition, vocabulary }: Source): Metadata {
  const merges = mergesOf(definition)
  const { unk_token, ignore_merges } = definition.model
  if (kindsIn(value['normalizer'], 'normalizers').some((kind) => kind !== 'NFC')) {
    return refuse('llama.cpp has no such normalizer', value['normalizer'])
  }
  if (kindsIn(value['decoder'], 'decoders').join() !== 'ByteLevel') {
    return refuse('llama.cpp has no such decoder', value['decoder'])
  }
  if (unk_token !== null && BYTE_LETTERS.some((letter) => !definition.ids.has(letter))) {
    return refuse('llama.cpp has no token for unknown bytes', unk_token)
  }
  const steps = stepsOf(definition)
  const pre =
    steps && ggufNameOf({ steps, ignoreMerges: ignore_merges, made: merges.map((pair) => pair.join('')) })
  if (pre === undefined) return refuse('llama.cpp has no such pre-tokenizer', value['pre_tokenizer'])
  const tokens = list(definition, vocabulary)
  return new Map<string, TypedGgufValue>([
    [`${PREFIX}model`, text('gpt2')],
    [`${PREFIX}pre`, text(pre)],
    [`${PREFIX}tokens`, texts(tokens)],
    [`${PREFIX}token_type`, integers(kinds(definition, vocabulary))],
    [`${PREFIX}merges`, texts(merges.map((pair) => pair.join(' ')))],
  ])
}

/** The parts that a normalizer, decoder or pre-tokenizer has, by their types. */
function kindsIn(part: unknown, key: string): string[] {
  if (!isJsonObject(part)) return []
  const inner = part['type'] === 'Sequence' ? part[key] : undefined
  return Array.isArray(inner) ? inner.flatMap((each) => kindsIn(each, key)) : [String(part['type'])]
}

/**
 * The patterns of a pre-tokenizer, and where it turns to bytes; undefined if it does more than isolate
 * matches.
 */
function stepsOf({ steps }: Definition): string[] | undefined {
  const patterns = steps.map((step) => {
    if (step.kind === 'bytes') return BYTES
    if (step.kind !== 'split' || step.invert) return undefined
    const { source } = step.pattern
    if (step.behavior === 'Isolated') return source
    return step.behavior === 'Contiguous' ? `(?:${source})+` : undefined
  })
  return patterns.every((pattern) => pattern !== undefined) ? patterns : undefined
}

/** Spaces as `▁`, with one before the text or without. */
const PREPENDED = [
  { type: 'Prepend', prepend: SPACE },
  { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
]

/** BPE over letters, of which those without a token are spelled in bytes. */
function sentencePiece({ value, definition, vocabulary }: Source): Metadata {
  const steps = definition.normalizer?.steps
  const prefixed = isSame(steps, PREPENDED)
  if (definition.steps.length > 0)
    return refuse('llama.cpp has no such pre-tokenizer', value['pre_tokenizer'])
  if (!prefixed && !isSame(steps, PREPENDED.slice(1))) {
    return refuse('llama.cpp has no such normalizer', value['normalizer'])
  }
  if (BYTE_NAMES.some((name) => !definition.ids.has(name))) {
    return refuse('llama.cpp wants a token for each byte', '<0x00> to <0xFF>')
  }
  if (definition.model.ignore_merges) {
    return refuse('llama.cpp merges letters of words that are tokens', 'ignore_merges')
  }
  const merges = mergesOf(definition)
  const ofBytes = merges.find((pair) => pair.some((token) => BYTE_NAMES.includes(token)))
  if (ofBytes) return refuse('llama.cpp does not merge bytes', ofBytes)
  const tokens = list(definition, vocabulary)
  const added = new Set(definition.added.map((token) => token.id))
  const merged = tokens.map((token, i) => (added.has(i) ? undefined : token))
  const scores = scoresOfMerges(merged, merges, TOKENIZER)
  const unknown =
    definition.model.unk_token === null ? undefined : definition.ids.get(definition.model.unk_token)
  return new Map<string, TypedGgufValue>([
    [`${PREFIX}model`, text('llama')],
    [`${PREFIX}pre`, text('default')],
    [`${PREFIX}tokens`, texts(tokens)],
    [`${PREFIX}scores`, { type: 'ARRAY', of: 'FLOAT32', value: scores }],
    [`${PREFIX}token_type`, integers(kinds(definition, vocabulary, unknown))],
    [`${PREFIX}add_space_prefix`, flag(prefixed)],
    ...(unknown === undefined ? [] : [[`${PREFIX}unknown_token_id`, id(unknown)] as const]),
  ])
}

const BYTE_NAMES = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
)

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** All tokens by id. The names of unused ones are those that llama.cpp's own converter gives. */
function list({ tokens, ids }: Definition, vocabulary: number): string[] {
  return Array.from({ length: vocabulary }, (_, token) => {
    const unused = `[PAD${token}]`
    if (!tokens.has(token) && ids.has(unused)) refuse('the name of an unused token is taken', unused)
    return tokens.get(token) ?? unused
  })
}

function kinds({ tokens, special, added }: Definition, vocabulary: number, unknown?: number): number[] {
  const addedIds = new Set(added.map((token) => token.id))
  const bytes = new Set(unknown === undefined ? [] : BYTE_NAMES)
  return Array.from({ length: vocabulary }, (_, token) => {
    const spelled = tokens.get(token)
    if (spelled === undefined) return UNUSED
    if (token === unknown) return UNKNOWN
    if (special.has(token)) return CONTROL
    if (addedIds.has(token)) return USER_DEFINED
    return bytes.has(spelled) ? BYTE : NORMAL
  })
}

/** Tokens that stand around texts, and the chat template. */
function ends(tokenizer: Tokenizer, { around, added, tokens }: Definition): Metadata {
  const { begin, end, pad } = tokenizer
  const spaced = added.find(({ lstrip, rstrip, single_word }) => lstrip || rstrip || single_word)
  if (spaced) refuse('llama.cpp has no tokens that look at what is beside them', spaced.content)
  const [first] = end
  if (first === undefined) {
    throw new ConfigError('llama.cpp wants a token that ends a text', {
      where: TOKENIZER,
      hint: 'Name it as eos_token in tokenizer_config.json',
    })
  }
  const called = new Set(endsOf([], spelled(tokens, tokenizer.size), () => undefined))
  const keyed = end.length > END_KEYS.length ? end.filter((id, i) => i === 0 || !called.has(id)) : end
  if (keyed.length > END_KEYS.length) refuse('llama.cpp has names for three tokens that end a text', keyed)
  const before = around.before.length > 0
  const after = around.after.length > 0
  if (before && around.before.join() !== String(begin)) {
    refuse('llama.cpp puts only bos_token before a text', around.before)
  }
  if (after && around.after.join() !== String(first)) {
    refuse('llama.cpp puts only eos_token after a text', around.after)
  }
  const template = besideOf(tokenizer.files).templates.byName.get('default')
  return new Map<string, TypedGgufValue>([
    ...(begin === undefined ? [] : [[`${PREFIX}bos_token_id`, id(begin)] as const]),
    ...keyed.map((token, i) => [PREFIX + END_KEYS[i], id(token)] as const),
    ...(pad === undefined ? [] : [[`${PREFIX}padding_token_id`, id(pad)] as const]),
    [`${PREFIX}add_bos_token`, flag(before)],
    [`${PREFIX}add_eos_token`, flag(after)],
    ...(template === undefined ? [] : [[TEMPLATE_KEY, text(template)] as const]),
  ])
}

const spelled = (tokens: Definition['tokens'], size: number): string[] =>
  Array.from({ length: size }, (_, id) => tokens.get(id) ?? '')

function refuse(rule: string, found: unknown): never {
  throw new ConfigError(rule, {
    where: TOKENIZER,
    found: typeof found === 'string' ? found : clip(JSON.stringify(found) ?? 'nothing'),
    hint: 'Write safetensors instead',
  })
}

const text = (value: string): TypedGgufValue => ({ type: 'STRING', value })
const flag = (value: boolean): TypedGgufValue => ({ type: 'BOOL', value })
const id = (value: number): TypedGgufValue => ({ type: 'UINT32', value })
const texts = (value: readonly string[]): TypedGgufValue => ({ type: 'ARRAY', of: 'STRING', value })
const integers = (value: readonly number[]): TypedGgufValue => ({ type: 'ARRAY', of: 'INT32', value })
