/** The tokenizer in a GGUF file's metadata, as the tokenizer.json that means the same. */
import { clip, type JsonObject } from '../checkpoints/json.ts'
import { CheckpointError } from '../errors.ts'
import { GgufKeys, NORMAL, PREFIX, UNKNOWN } from './gguf-keys.ts'
import { GGUF_PRE_TOKENIZERS } from './gguf-patterns.ts'
import { buildTokenizer, openTokenizerJson } from './hugging-face.ts'
import { mergesOfPieces } from './spm-merges.ts'
import type { Tokenizer } from './tokenizer.ts'

const TEMPLATE = 'tokenizer.chat_template'
const PUBLISHED = 'tokenizer.huggingface.json'
const SPACE = '▁'

/**
 * Opens the tokenizer of a GGUF file; undefined if the file has none. A tokenizer.json in the metadata goes before llama.cpp's
 * own keys. `file` is what errors call the file.
 *
 * @throws CheckpointError naming file and key, also for kinds of tokenizers that are not read
 */
export async function ggufTokenizer(
  metadata: ReadonlyMap<string, unknown>,
  file = 'model.gguf',
): Promise<Tokenizer | undefined> {
  const keys = new GgufKeys(metadata, file)
  const model = keys.text(`${PREFIX}model`)
  const published = keys.text(PUBLISHED)
  if (published === undefined && (model === undefined || model === 'none' || model === 'no_vocab'))
    return undefined
  const settings = {
    begin: keys.id('bos_token_id'),
    end: ['eos_token_id', 'eot_token_id', 'eom_token_id'].flatMap((key) => keys.id(key) ?? []),
    template: keys.text(TEMPLATE),
    templateWhere: keys.at(TEMPLATE),
  }
  if (published !== undefined) return openTokenizerJson(published, { ...settings, where: keys.at(PUBLISHED) })
  const value =
    model === 'gpt2' ? byteLevel(keys) : model === 'llama' ? sentencePiece(keys) : keys.refuseModel(model)
  return buildTokenizer(value, { ...settings, where: file, hashed: JSON.stringify(value) })
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
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: false }
  return {
    ...tokens.parts,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [...splits, bytes] },
    post_processor: keys.template(known.begins ?? false),
    decoder: { type: 'ByteLevel' },
    model: {
      type: 'BPE',
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
    post_processor: keys.template(true),
    decoder: { type: 'Sequence', decoders },
    model: {
      type: 'BPE',
      unk_token: unknown < 0 ? null : tokens.texts[unknown],
      fuse_unk: true,
      byte_fallback: true,
      vocab: tokens.vocabulary,
      merges: mergesOfPieces(pieces, keys.at(`${PREFIX}tokens`)),
    },
  }
}
