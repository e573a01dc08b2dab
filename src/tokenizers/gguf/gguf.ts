/** The tokenizer in a GGUF file's metadata, as the tokenizer.json that means the same. */
import type { TypedGgufValue } from '../../checkpoints/gguf/index.ts'
import { clip, type JsonObject } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'
import { endsOf } from './gguf-ends.ts'
import { GgufKeys, NORMAL, PREFIX, UNKNOWN } from './gguf-keys.ts'
import { GGUF_PRE_TOKENIZERS } from './gguf-patterns.ts'
import type { ChatTemplates } from '../chat.ts'
import { buildTokenizer, openTokenizerJson } from '../definition/hugging-face.ts'
import { jsonPieces } from './json-pieces.ts'
import { mergesOfPieces } from './spm-merges.ts'
import type { Tokenizer } from '../tokenizer.ts'

export const TEMPLATE_KEY = 'tokenizer.chat_template'
/** Keys of the tokens that end a text. */
export const END_KEYS = ['eos_token_id', 'eot_token_id', 'eom_token_id'] as const
const PUBLISHED = 'tokenizer.huggingface.json'
export const SPACE = '▁'

/**
 * Opens the tokenizer of a GGUF file; undefined if the file has none. A tokenizer.json in the metadata goes
 * before llama.cpp's own keys. `file` is what errors call the file, `typed` its metadata with their types, to
 * be written again.
 *
 * @throws CheckpointError naming file and key, also for kinds of tokenizers that are not read
 */
export async function ggufTokenizer(
  metadata: ReadonlyMap<string, unknown>,
  file = 'model.gguf',
  typed?: ReadonlyMap<string, TypedGgufValue>,
): Promise<Tokenizer | undefined> {
  const keys = new GgufKeys(metadata, file)
  const model = keys.text(`${PREFIX}model`)
  const published = keys.text(PUBLISHED)
  if (published === undefined && (model === undefined || model === 'none' || model === 'no_vocab'))
    return undefined
  const ends = END_KEYS.flatMap((key) => keys.id(key) ?? [])
  const settings = {
    begin: keys.id('bos_token_id'),
    end: published === undefined ? endsOf(ends, keys.texts('tokens'), (key) => keys.id(key)) : ends,
    pad: keys.id('padding_token_id'),
    templates: ggufChatTemplates(metadata, keys.at(TEMPLATE_KEY)),
    // As llama.cpp does: templates find an empty text for tokens that there are not.
    named: {
      bos_token: keys.id('bos_token_id') ?? '',
      eos_token: keys.id('eos_token_id') ?? '',
      unk_token: keys.id('unknown_token_id'),
      pad_token: keys.id('padding_token_id'),
    },
    gguf: typed && new Map([...typed].filter(([key]) => key.startsWith('tokenizer.'))),
  }
  if (published !== undefined) return openTokenizerJson(published, { ...settings, where: keys.at(PUBLISHED) })
  const value =
    model === 'gpt2' ? byteLevel(keys) : model === 'llama' ? sentencePiece(keys) : keys.refuseModel(model)
  return buildTokenizer(value, { ...settings, where: file, text: () => jsonPieces(value) })
}

/** `tokenizer.chat_template`, and others with a name behind it. */
function ggufChatTemplates(metadata: ReadonlyMap<string, unknown>, where: string): ChatTemplates {
  const byName = new Map<string, string>()
  for (const [key, value] of metadata) {
    if (!key.startsWith(TEMPLATE_KEY) || typeof value !== 'string') continue
    if (key === TEMPLATE_KEY) byName.set('default', value)
    else if (key[TEMPLATE_KEY.length] === '.') byName.set(key.slice(TEMPLATE_KEY.length + 1), value)
  }
  return { where, byName, problem: metadata.has(TEMPLATE_KEY) ? 'a key that is no text' : undefined }
}

/** transformers wants every key of a model. */
const MODEL = {
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
}

function byteLevel(keys: GgufKeys): JsonObject {
  const pre = keys.text(`${PREFIX}pre`) ?? 'default'
  const known = GGUF_PRE_TOKENIZERS.get(pre)
  if (!known) {
    throw new CheckpointError('this pre-tokenizer is not read', {
      where: keys.at(`${PREFIX}pre`),
      expected: [...GGUF_PRE_TOKENIZERS.keys()],
      found: clip(pre),
    })
  }
  const tokens = keys.tokens()
  const splits = known.patterns.map((pattern) => ({
    type: 'Split',
    pattern: { Regex: pattern },
    behavior: 'Isolated',
    invert: false,
  }))
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
  return {
    ...tokens.parts,
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [...splits, bytes] },
    post_processor: keys.template(known.begins ?? false),
    decoder: { ...bytes, use_regex: true },
    model: {
      ...MODEL,
      ignore_merges: known.ignoreMerges ?? false,
      vocab: tokens.vocabulary,
      merges: keys.texts('merges'),
    },
  }
}

function sentencePiece(keys: GgufKeys): JsonObject {
  const tokens = keys.tokens()
  const scores = keys.numbers('scores', tokens.texts.length)
  const pieces = tokens.texts.flatMap((text, i) =>
    tokens.kinds[i] === NORMAL ? [{ text, score: scores[i] }] : [],
  )
  const prefixed = keys.flag('add_space_prefix') ?? true
  const unknown = tokens.kinds.indexOf(UNKNOWN)
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: SPACE }
  const decoders = [
    { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    ...(prefixed ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ]
  return {
    ...tokens.parts,
    normalizer: {
      type: 'Sequence',
      normalizers: [...(prefixed ? [{ type: 'Prepend', prepend: SPACE }] : []), spaces],
    },
    pre_tokenizer: null,
    post_processor: keys.template(true),
    decoder: { type: 'Sequence', decoders },
    model: {
      ...MODEL,
      unk_token: unknown < 0 ? null : tokens.texts[unknown],
      fuse_unk: true,
      byte_fallback: true,
      vocab: tokens.vocabulary,
      merges: mergesOfPieces(pieces, keys.at(`${PREFIX}tokens`)),
    },
  }
}
