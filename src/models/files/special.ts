/** Which tokens begin, end and fill texts, as the files beside the weights say it. */
import { isJsonObject } from '../../checkpoints/json.ts'
import { someOf, type Warn } from '../../checkpoints/warn.ts'
import type { SpecialTokens } from '../published.ts'

type Json = Readonly<Record<string, unknown>>

/** Where a configuration of several models keeps that of the one that writes text. */
const INNER = ['decoder', 'generator', 'text_config']
/** Keys of generation_config.json that are heard, or say nothing of how tokens are drawn. */
const KNOWN = new Set([
  'bos_token_id',
  'eos_token_id',
  'pad_token_id',
  '_from_model_config',
  'transformers_version',
  'use_cache',
  'output_attentions',
  'output_hidden_states',
  'output_scores',
  'return_dict_in_generate',
])

/** How transformers orders them: generation_config.json, if there is one, else config.json. */
export function specialTokens(
  config: Json,
  generation: Json | undefined,
  vocabulary: number,
  warn: Warn,
): SpecialTokens {
  const where = generation ? 'generation_config.json' : 'config.json'
  const others = Object.keys(generation ?? {}).filter((key) => !KNOWN.has(key) && generation![key] !== null)
  if (others.length > 0) {
    warn(
      `[${where}] defaults of generation are not taken from it: give them as options: ${someOf(others, 10)}`,
    )
  }
  const value = (key: string): unknown => valueOf(generation ?? withInner(config), key)
  return special(value, where, vocabulary, warn)
}

/** The same from the metadata of a GGUF file. */
export function specialOfGguf(
  metadata: ReadonlyMap<string, unknown>,
  where: string,
  vocabulary: number,
  warn: Warn,
): SpecialTokens {
  const key = (name: string): unknown => metadata.get(`tokenizer.ggml.${name}`)
  const values: Json = {
    bos_token_id: key('bos_token_id'),
    eos_token_id: ['eos_token_id', 'eot_token_id', 'eom_token_id'].flatMap((name) => key(name) ?? []),
    pad_token_id: key('padding_token_id'),
  }
  return special((name) => values[name], where, vocabulary, warn)
}

function special(
  value: (key: string) => unknown,
  where: string,
  vocabulary: number,
  warn: Warn,
): SpecialTokens {
  const ids = (key: string): number[] => {
    const found = value(key) ?? []
    const list: unknown[] = Array.isArray(found) ? found : [found]
    const wrong = list.filter((id) => !isToken(id, vocabulary))
    // Minus one is a way to say that there is none.
    const said = wrong.filter((id) => id !== -1)
    if (said.length > 0)
      warn(`[${where}: ${key}] not a token of the model: ${JSON.stringify(said).slice(0, 100)}`)
    return list.filter((id): id is number => isToken(id, vocabulary))
  }
  return {
    begin: ids('bos_token_id')[0],
    end: [...new Set(ids('eos_token_id'))],
    pad: ids('pad_token_id')[0],
  }
}

const isToken = (id: unknown, vocabulary: number): boolean =>
  Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocabulary

const valueOf = (json: Json, key: string): unknown =>
  Object.hasOwn(json, key) ? (json[key] ?? undefined) : undefined

/** The keys of a configuration, and those of the inner one that it does not have itself. */
function withInner(config: Json): Json {
  const inner = INNER.map((key) => valueOf(config, key)).find(isJsonObject)
  const own = Object.entries(config).filter(([, value]) => value !== null)
  return { ...inner, ...Object.fromEntries(own) }
}

/** What the files say, after what a tokenizer says: both end a text. */
export function joinSpecial(
  tokenizer: SpecialTokens | undefined,
  files: SpecialTokens | undefined,
): SpecialTokens {
  return {
    begin: tokenizer?.begin ?? files?.begin,
    end: [...new Set([...(tokenizer?.end ?? []), ...(files?.end ?? [])])],
    pad: tokenizer?.pad ?? files?.pad,
  }
}

const GGUF = 'tokenizer.ggml.'
const GGUF_ENDS = ['eos_token_id', 'eot_token_id', 'eom_token_id'].map((name) => GGUF + name)

/**
 * The keys of a GGUF file that say what its `metadata` do not yet, and the ends that no key is left for. With
 * `bytes`, the end that stands there is only what llama.cpp wants to find.
 */
export function ggufSpecial(
  { begin, end, pad }: SpecialTokens,
  metadata: ReadonlyMap<string, { readonly value: unknown }>,
  bytes: boolean,
): { readonly ids: ReadonlyMap<string, number>; readonly left: readonly number[] } {
  const ids = new Map<string, number>()
  const put = (key: string, id: number | undefined): void => {
    if (id !== undefined && !metadata.has(GGUF + key)) ids.set(GGUF + key, id)
  }
  put('bos_token_id', begin)
  put('padding_token_id', pad)
  const taken = GGUF_ENDS.filter((key) => metadata.has(key) && !(bytes && end.length > 0))
  const said = new Set(taken.map((key) => metadata.get(key)!.value))
  const free = GGUF_ENDS.filter((key) => !taken.includes(key))
  const more = end.filter((id) => !said.has(id))
  for (const [i, id] of more.slice(0, free.length).entries()) ids.set(free[i], id)
  return { ids, left: more.slice(free.length) }
}
