/** What the files beside a tokenizer.json say of its tokens, as transformers reads them. */
import { parseConfigText } from '../../checkpoints/config.ts'
import { clip, isJsonObject, type JsonObject } from '../../checkpoints/json.ts'
import { ConfigError } from '../../errors.ts'
import type { ChatTemplates } from '../chat.ts'
import { chatTemplatesOf, namedTokens } from './chat-templates.ts'
import { ADDED, CONFIG, GENERATION, SPECIAL, TEMPLATE } from './published-files.ts'

/** A token by its text or by its id. */
export type TokenName = string | number

/** What a tokenizer needs besides its definition. */
export interface Beside {
  readonly begin: TokenName | undefined
  readonly end: readonly TokenName[]
  readonly pad: TokenName | undefined
  readonly templates: ChatTemplates
  /** Tokens as templates name them. */
  readonly named: Readonly<Record<string, TokenName | undefined>>
}

type Files = ReadonlyMap<string, string>
type Config = Readonly<Record<string, unknown>>

/** Keys of tokens that have a name. */
const NAMED = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token']

function parsed(files: Files, name: string): Config {
  const text = files.get(name)
  return text === undefined ? {} : parseConfigText(text, name)
}

/** tokenizer_config.json goes before special_tokens_map.json. */
export function besideOf(files: Files): Beside {
  const [config, special, generation] = [CONFIG, SPECIAL, GENERATION].map((name) => parsed(files, name))
  const named = (key: string): readonly string[] => {
    const first = tokensNamed(config, key, CONFIG)
    return first.length > 0 ? first : tokensNamed(special, key, SPECIAL)
  }
  return {
    begin: named('bos_token')[0],
    end: [...named('eos_token'), ...endIdsOf(generation)],
    pad: named('pad_token')[0],
    templates: chatTemplatesOf(files.get(TEMPLATE), config),
    named: namedTokens((key) => named(key)[0]),
  }
}

/**
 * The value of a tokenizer.json with the tokens that only the files beside it have, each of which is told to
 * `warn`. One that has a name is special, as transformers makes it.
 */
export function withTokensBeside(value: unknown, files: Files, warn: (message: string) => void): unknown {
  if (!isJsonObject(value)) return value
  const list = Object.hasOwn(value, 'added_tokens') ? value['added_tokens'] : []
  const added: readonly unknown[] = Array.isArray(list) ? (list as unknown[]) : []
  const known = new Set(added.flatMap((each) => (isJsonObject(each) ? [each['content']] : [])))
  const vocabulary = isJsonObject(value['model']) ? value['model']['vocab'] : undefined
  const idOf = (content: string): unknown =>
    isJsonObject(vocabulary) && Object.hasOwn(vocabulary, content) ? vocabulary[content] : undefined
  const more: JsonObject[] = []
  for (const { where, token } of tokensIn(files)) {
    const content = token['content']
    if (typeof content !== 'string' || content === '' || known.has(content)) continue
    known.add(content)
    const id = idOf(content)
    if (id === undefined) warn(`[${where}] the tokenizer lacks ${clip(content)}: it is added`)
    more.push({ ...PLAIN, ...token, id })
  }
  return more.length === 0 ? value : { ...value, added_tokens: [...added, ...more] }
}

const PLAIN = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }

function* tokensIn(files: Files): Generator<{ readonly where: string; readonly token: JsonObject }> {
  const [config, special, ids] = [CONFIG, SPECIAL, ADDED].map((name) => parsed(files, name))
  const decoder = Object.hasOwn(config, 'added_tokens_decoder') ? config['added_tokens_decoder'] : undefined
  if (isJsonObject(decoder)) {
    for (const [id, token] of Object.entries(decoder).toSorted(([a], [b]) => Number(a) - Number(b))) {
      const given = isJsonObject(token) ? token : { content: token }
      yield { where: `${CONFIG}: added_tokens_decoder.${clip(id)}`, token: { special: false, ...given } }
    }
  }
  const byId = Object.entries(ids).toSorted(([, a], [, b]) => Number(a) - Number(b))
  for (const [content] of byId) yield { where: ADDED, token: { content, normalized: true, special: false } }
  for (const [name, from] of [[CONFIG, config] as const, [SPECIAL, special] as const]) {
    for (const key of [...NAMED, 'additional_special_tokens', 'extra_special_tokens']) {
      const values = Object.hasOwn(from, key) ? from[key] : undefined
      for (const each of Array.isArray(values) ? (values as unknown[]) : [values]) {
        const token = isJsonObject(each) ? each : { content: each }
        yield { where: `${name}: ${key}`, token: { ...token, special: true } }
      }
    }
  }
}

/** The token, if there is one, under a key: text, or an object that holds it. */
function tokensNamed(config: Config, key: string, file: string): readonly string[] {
  const value = Object.hasOwn(config, key) ? config[key] : undefined
  const token = isJsonObject(value) && Object.hasOwn(value, 'content') ? value['content'] : value
  if (token === undefined || token === null) return []
  if (typeof token === 'string') return [token]
  throw new ConfigError('not a token', { where: `${file}: ${key}`, expected: 'text, or { content: text }' })
}

function endIdsOf(generation: Config): readonly number[] {
  const value = Object.hasOwn(generation, 'eos_token_id') ? generation['eos_token_id'] : undefined
  const ids: readonly unknown[] =
    value === undefined || value === null ? [] : Array.isArray(value) ? (value as unknown[]) : [value]
  return ids.map((id) => {
    if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0) return id
    throw new ConfigError('not a token id', { where: `${GENERATION}: eos_token_id`, found: String(id) })
  })
}
