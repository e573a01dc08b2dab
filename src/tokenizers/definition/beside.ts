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

/**
 * special_tokens_map.json goes before tokenizer_config.json, except where that lists its added tokens: all
 * that counts is then there, and the map only fills gaps.
 */
export function besideOf(files: Files): Beside {
  const [config, special, generation] = [CONFIG, SPECIAL, GENERATION].map((name) => parsed(files, name))
  const named = (key: string): readonly string[] => {
    const both = [tokensNamed(special, key, SPECIAL), tokensNamed(config, key, CONFIG)]
    const [first, second] = listOf(config) ? both.toReversed() : both
    return first.length > 0 ? first : second
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
  const changed = new Map<unknown, JsonObject>()
  for (const { where, token, place } of tokensIn(files)) {
    const content = token['content']
    if (typeof content !== 'string' || content === '') continue
    if (known.has(content)) {
      if (place === 'list') changed.set(content, token)
      continue
    }
    if (place === 'unheard') {
      warn(`[${where}] ${clip(content)} is left out: ${CONFIG} lists all added tokens`)
      continue
    }
    known.add(content)
    const id = idOf(content)
    if (id === undefined) warn(`[${where}] the tokenizer lacks ${clip(content)}: it is added`)
    more.push({ ...PLAIN, ...token, id })
  }
  if (more.length === 0 && changed.size === 0) return value
  const all = added.map((each) => {
    const said = isJsonObject(each) ? changed.get(each['content']) : undefined
    if (!isJsonObject(each) || !said) return each
    // What is special stays so.
    return { ...each, ...said, special: each['special'] === true ? true : said['special'] }
  })
  return { ...value, added_tokens: [...all, ...more] }
}

const PLAIN = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }

interface TokenBeside {
  readonly where: string
  readonly token: JsonObject
  /** What the list of the configuration says counts; other files are then not heard. */
  readonly place: 'list' | 'name' | 'unheard'
}

/** `added_tokens_decoder`: added tokens by id. */
function listOf(config: Config): JsonObject | undefined {
  const list = Object.hasOwn(config, 'added_tokens_decoder') ? config['added_tokens_decoder'] : undefined
  return isJsonObject(list) ? list : undefined
}

function* tokensIn(files: Files): Generator<TokenBeside> {
  const [config, special, ids] = [CONFIG, SPECIAL, ADDED].map((name) => parsed(files, name))
  const list = listOf(config)
  for (const [id, token] of Object.entries(list ?? {}).toSorted(([a], [b]) => Number(a) - Number(b))) {
    const given = isJsonObject(token) ? token : { content: token }
    const where = `${CONFIG}: added_tokens_decoder.${clip(id)}`
    yield { where, token: { special: false, ...given }, place: 'list' }
  }
  const place = list ? 'unheard' : 'name'
  const byId = Object.entries(ids).toSorted(([, a], [, b]) => Number(a) - Number(b))
  for (const [content] of byId)
    yield { where: ADDED, token: { content, normalized: true, special: false }, place }
  const named = new Set<string>()
  const both = [[SPECIAL, special] as const, [CONFIG, config] as const]
  for (const [name, from] of list ? both.toReversed() : both) {
    for (const key of [...NAMED, 'additional_special_tokens', 'extra_special_tokens']) {
      const values = Object.hasOwn(from, key) ? from[key] : undefined
      if (values === undefined || values === null || named.has(key)) continue
      named.add(key)
      for (const token of tokensOf(values)) {
        yield { where: `${name}: ${key}`, token: { ...token, special: true }, place: 'name' }
      }
    }
  }
}

/** One token, a list of them, or tokens by a name of their own. */
function tokensOf(values: unknown): readonly JsonObject[] {
  const one = !isJsonObject(values) || Object.hasOwn(values, 'content')
  const list: readonly unknown[] = Array.isArray(values)
    ? (values as unknown[])
    : one
      ? [values]
      : Object.values(values)
  return list.map((each) => (isJsonObject(each) ? each : { content: each }))
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
