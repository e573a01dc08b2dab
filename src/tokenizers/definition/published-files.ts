/** The files of a tokenizer in a folder of transformers. */

export const TOKENIZER = 'tokenizer.json'
export const CONFIG = 'tokenizer_config.json'
export const GENERATION = 'generation_config.json'
/** Names of special tokens; folders of before 2023 have them only there. */
export const SPECIAL = 'special_tokens_map.json'
/** Ids of added tokens by their text; as old. */
export const ADDED = 'added_tokens.json'
/** What a byte-level BPE was made of before there was a tokenizer.json. */
export const VOCABULARY = 'vocab.json'
export const MERGES = 'merges.txt'
/** Goes before a template in tokenizer_config.json. */
export const TEMPLATE = 'chat_template.jinja'

interface Parts {
  readonly begin: number | undefined
  readonly end: readonly number[]
  readonly pad: number | undefined
  readonly template: string | undefined
  readonly tokens: ReadonlyMap<number, string>
}

/** Files for a tokenizer that is from elsewhere; `tokenizerJson` is the first of them. */
export function publishedFiles(
  tokenizerJson: string,
  { begin, end, pad, template, tokens }: Parts,
): Map<string, string> {
  const named = (key: string, id: number | undefined): Readonly<Record<string, string>> =>
    id === undefined ? {} : { [key]: tokens.get(id)! }
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    ...named('bos_token', begin),
    ...named('eos_token', end[0]),
    ...named('pad_token', pad),
    ...(template !== undefined && { chat_template: template }),
  }
  const files = new Map([
    [TOKENIZER, tokenizerJson],
    [CONFIG, pretty(config)],
  ])
  // tokenizer_config.json names one token that ends a text.
  if (end.length > 1) files.set(GENERATION, pretty({ eos_token_id: end }))
  return files
}

const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
