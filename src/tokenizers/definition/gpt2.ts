/**
 * Byte-level BPE from vocab.json and merges.txt, as transformers makes it where there is no tokenizer.json.
 */
import { parseConfigText } from '../../checkpoints/config.ts'
import { clip, isJsonObject, type JsonObject } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'
import { besideOf, withTokensBeside } from './beside.ts'
import { CONFIG, MERGES, SPECIAL, TOKENIZER, VOCABULARY } from './published-files.ts'

interface TokenizerClass {
  readonly normalizer: JsonObject | null
  readonly named: JsonObject
}

/** Tokens that a class names where its files do not. */
const NAMED = { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', unk_token: '<|endoftext|>' }
const GPT2: TokenizerClass = { normalizer: null, named: NAMED }
const NEOX: TokenizerClass = {
  normalizer: { type: 'NFC' },
  named: { ...NAMED, pad_token: '<|padding|>' },
}

/** Classes that split text as GPT-2 does; others say in code how they do. */
const CLASSES: ReadonlyMap<string, TokenizerClass> = new Map([
  ['GPT2Tokenizer', GPT2],
  ['CodeGenTokenizer', GPT2],
  ['GPTNeoXTokenizer', NEOX],
  ['PreTrainedTokenizer', GPT2],
  ['TokenizersBackend', GPT2],
])

type Files = ReadonlyMap<string, string>

/**
 * The files of the same tokenizer with a tokenizer.json, which goes first. Tokens that the vocabulary lacks
 * are told to `warn`.
 *
 * @throws CheckpointError naming a class of tokenizers that needs its tokenizer.json
 */
export function gpt2Files(files: Files, warn: (message: string) => void): Files {
  const config = parsed(files, CONFIG)
  const { normalizer, named } = classOf(config)
  const special = parsed(files, SPECIAL)
  const missing = Object.entries(named).filter(
    ([key]) => !Object.hasOwn(config, key) && !Object.hasOwn(special, key),
  )
  const whole = { ...config, ...Object.fromEntries(missing) }
  const beside = new Map([...files].filter(([name]) => name !== VOCABULARY && name !== MERGES))
  beside.set(CONFIG, JSON.stringify(whole))
  const added = addedTo(definitionOf(files, config, normalizer), beside, warn)
  const { begin, end } = besideOf(beside)
  const definition = {
    ...added,
    post_processor: around(
      added,
      config['add_bos_token'] === true ? begin : undefined,
      config['add_eos_token'] === true ? end[0] : undefined,
    ),
  }
  return new Map([[TOKENIZER, JSON.stringify(definition)], ...beside])
}

function parsed(files: Files, name: string): JsonObject {
  const text = files.get(name)
  return text === undefined ? {} : parseConfigText(text, name)
}

function classOf(config: JsonObject): TokenizerClass {
  const kind = config['tokenizer_class'] ?? 'GPT2Tokenizer'
  const known = typeof kind === 'string' ? CLASSES.get(kind.replace(/Fast$/, '')) : undefined
  if (known) return known
  throw new CheckpointError('a tokenizer of this class is read from its tokenizer.json only', {
    where: `${CONFIG}: tokenizer_class`,
    expected: [...CLASSES.keys()],
    found: clip(JSON.stringify(kind)),
  })
}

interface Defined extends JsonObject {
  readonly added_tokens: readonly JsonObject[]
  readonly model: JsonObject
}

function definitionOf(files: Files, config: JsonObject, normalizer: JsonObject | null): Defined {
  const bytes = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer,
    pre_tokenizer: { ...bytes, add_prefix_space: config['add_prefix_space'] === true },
    post_processor: null,
    decoder: bytes,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: parseConfigText(files.get(VOCABULARY)!, VOCABULARY),
      merges: files
        .get(MERGES)!
        .split(/\r?\n/)
        .filter((line) => line !== '' && !line.startsWith('#version')),
    },
  }
}

/** With the tokens that only the files beside have, behind those of the vocabulary. */
function addedTo(definition: Defined, beside: Files, warn: (message: string) => void): Defined {
  const { added_tokens } = withTokensBeside(definition, beside, warn) as Defined
  const { vocab } = definition.model
  let next = isJsonObject(vocab) ? Object.keys(vocab).length : 0
  return {
    ...definition,
    added_tokens: added_tokens.map((token) => ({ ...token, id: token['id'] ?? next++ })),
  }
}

/** Puts these tokens around a text. */
function around({ added_tokens }: Defined, ...[begin, end]: unknown[]): JsonObject {
  const named = (token: unknown): readonly JsonObject[] =>
    added_tokens.filter(({ id, content }) => token !== undefined && (id === token || content === token))
  const single = [...named(begin).map(piece), { Sequence: { id: 'A', type_id: 0 } }, ...named(end).map(piece)]
  const tokens = [...named(begin), ...named(end)].map(({ id, content }) => [
    content,
    { id: content, ids: [id], tokens: [content] },
  ])
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: Object.fromEntries(tokens) as JsonObject,
  }
}

const piece = ({ content }: JsonObject): JsonObject => ({ SpecialToken: { id: content, type_id: 0 } })
