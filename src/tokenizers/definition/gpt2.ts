/**
 * Byte-level BPE from vocab.json and merges.txt, as transformers makes it where there is no tokenizer.json.
 */
import { parseConfigText } from '../../checkpoints/config.ts'
import { clip, type JsonObject } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'
import { CONFIG, MERGES, VOCABULARY } from './published-files.ts'

/** Classes that split text as GPT-2 does; others say in code how they do. */
const CLASSES = ['GPT2Tokenizer', 'CodeGenTokenizer', 'PreTrainedTokenizer', 'TokenizersBackend']

/** @throws CheckpointError naming a class of tokenizers that needs its tokenizer.json */
export function gpt2Definition(files: ReadonlyMap<string, string>): JsonObject {
  const text = files.get(CONFIG)
  const config = text === undefined ? {} : parseConfigText(text, CONFIG)
  const kind = config['tokenizer_class'] ?? 'GPT2Tokenizer'
  if (typeof kind !== 'string' || !CLASSES.includes(kind.replace(/Fast$/, ''))) {
    throw new CheckpointError('a tokenizer of this class is read from its tokenizer.json only', {
      where: `${CONFIG}: tokenizer_class`,
      expected: CLASSES,
      found: clip(JSON.stringify(kind)),
    })
  }
  const bytes = {
    type: 'ByteLevel',
    add_prefix_space: config['add_prefix_space'] === true,
    trim_offsets: true,
    use_regex: true,
  }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: bytes,
    post_processor: { ...bytes, add_prefix_space: true, trim_offsets: false },
    decoder: { ...bytes, add_prefix_space: true },
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
