/** Tokenizers as they are published: tokenizer.json, and what lies beside it. */
import { sha256 } from '@noble/hashes/sha2.js'
import { parseConfigText } from '../checkpoints/config.ts'
import type { Folder } from '../checkpoints/files.ts'
import { clip, isJsonObject, parseJson, showPosition } from '../checkpoints/json.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import { openChat } from './chat.ts'
import { readDefinition, type Definition } from './definition.ts'
import { textOf, TokenStream } from './stream.ts'
import type { Tokenizer } from './tokenizer.ts'
import { utf8Bytes, wellFormed } from './utf8.ts'

/** What lies beside a tokenizer.json, as text. */
export interface TokenizerFiles {
  /** tokenizer_config.json */
  readonly config?: string
  /** generation_config.json */
  readonly generation?: string
  /** chat_template.jinja; goes before a template in `config`. */
  readonly template?: string
}

/**
 * Opens a tokenizer from the text of a tokenizer.json. `where` is what errors call the file.
 *
 * @throws CheckpointError naming file and key, what was expected and what was found; ConfigError for the files beside it
 */
export async function openTokenizer(
  tokenizerJson: string,
  files: TokenizerFiles = {},
  where = 'tokenizer.json',
): Promise<Tokenizer> {
  const config = files.config === undefined ? {} : parseConfigText(files.config, CONFIG)
  const generation = files.generation === undefined ? {} : parseConfigText(files.generation, GENERATION)
  return openTokenizerJson(tokenizerJson, {
    where,
    begin: tokensNamed(config, 'bos_token')[0],
    end: [...tokensNamed(config, 'eos_token'), ...endIdsOf(generation)],
    template: files.template ?? templateOf(config),
    templateWhere: files.template === undefined ? `${CONFIG}: chat_template` : TEMPLATE,
  })
}

const CONFIG = 'tokenizer_config.json'
const GENERATION = 'generation_config.json'
const TEMPLATE = 'chat_template.jinja'

/** Opens the tokenizer of a model's folder; undefined if it has no tokenizer.json. */
export async function readTokenizer(folder: Folder): Promise<Tokenizer | undefined> {
  if (!(await folder.has('tokenizer.json'))) return undefined
  const text = async (name: string): Promise<string | undefined> =>
    (await folder.has(name)) ? folder.text(name) : undefined
  return openTokenizer(await folder.text('tokenizer.json'), {
    config: await text(CONFIG),
    generation: await text(GENERATION),
    template: await text(TEMPLATE),
  })
}

/** A token by its text, which the tokenizer must have, or by its id. */
type TokenName = string | number

/** What a tokenizer needs besides its definition. */
export interface TokenizerSettings {
  /** What errors call the definition. */
  readonly where: string
  readonly begin: TokenName | undefined
  readonly end: readonly TokenName[]
  readonly template: string | undefined
  readonly templateWhere: string
}

/** The same with settings from elsewhere. */
export function openTokenizerJson(tokenizerJson: string, settings: TokenizerSettings): Promise<Tokenizer> {
  const text = tokenizerJson.startsWith('\uFEFF') ? tokenizerJson.slice(1) : tokenizerJson
  const fail = (rule: string, offset: number): never => {
    throw new CheckpointError(`${rule} at ${showPosition(text, offset)}`, { where: settings.where })
  }
  return buildTokenizer(parseJson(text, { fail }), { ...settings, hashed: text })
}

/** A tokenizer from the value of a tokenizer.json; its name has the hash of `hashed`. The library is loaded only now. */
export async function buildTokenizer(
  value: unknown,
  settings: TokenizerSettings & { readonly hashed: string },
): Promise<Tokenizer> {
  const { where, template, templateWhere } = settings
  const definition = readDefinition(value, where)
  const { tokens, special, around, openPipe } = definition
  const begin = settings.begin === undefined ? undefined : idOf(settings.begin, definition, where)
  const end = settings.end.map((token) => idOf(token, definition, where))
  const textOfId = (id: number | undefined): string => (id === undefined ? '' : (tokens.get(id) ?? ''))
  const encodeText = await openLibrary(definition, where)
  const stream: Tokenizer['stream'] = ({ special: keepSpecial = false } = {}) =>
    new TokenStream((id) => (keepSpecial || !special.has(id) ? tokens.get(id) : undefined), openPipe())
  return {
    name: `bpe-${hashOf(settings.hashed)}`,
    size: 1 + [...tokens.keys()].reduce((most, id) => Math.max(most, id), 0),
    begin,
    end: [...new Set(end)],
    encode(text, { special: addSpecial = false } = {}) {
      const ids = encodeText(wellFormed(text))
      return addSpecial ? [...around.before, ...ids, ...around.after] : ids
    },
    decode: (ids, options) => textOf(ids, stream(options)),
    stream,
    chat: await openChat(template, templateWhere, {
      begin: textOfId(begin),
      end: textOfId(end[0]),
    }),
  }
}

function idOf(token: TokenName, { ids }: Definition, where: string): number {
  const id = typeof token === 'number' ? token : ids.get(token)
  if (id !== undefined) return id
  throw new CheckpointError('the tokenizer lacks this token', { where, found: clip(String(token)) })
}

/** Text to ids by `@huggingface/tokenizers`: what it throws on is named. */
async function openLibrary({ library }: Definition, where: string): Promise<(text: string) => number[]> {
  const { Tokenizer: LibraryTokenizer } = await import('@huggingface/tokenizers')
  const attempt = <Result>(action: string, body: () => Result): Result => {
    try {
      return body()
    } catch (cause) {
      const found = clip(cause instanceof Error ? cause.message : String(cause))
      throw new CheckpointError(`the tokenizer cannot ${action}`, { where, cause, found })
    }
  }
  const opened = attempt('be opened', () => new LibraryTokenizer(library, {}))
  return (text) => attempt('encode the text', () => opened.encode(text, { add_special_tokens: false }).ids)
}

/** The beginning of the SHA-256 of `text`, in hexadecimal digits. */
function hashOf(text: string): string {
  return [...sha256(utf8Bytes(text)).subarray(0, 8)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
}

/** The token, if there is one, under a key of tokenizer_config.json: text, or an object that holds it. */
function tokensNamed(config: Readonly<Record<string, unknown>>, key: string): readonly string[] {
  const value = Object.hasOwn(config, key) ? config[key] : undefined
  const token = isJsonObject(value) && Object.hasOwn(value, 'content') ? value['content'] : value
  if (token === undefined || token === null) return []
  if (typeof token === 'string') return [token]
  throw new ConfigError('not a token', { where: `${CONFIG}: ${key}`, expected: 'text, or { content: text }' })
}

function endIdsOf(generation: Readonly<Record<string, unknown>>): readonly number[] {
  const value = Object.hasOwn(generation, 'eos_token_id') ? generation['eos_token_id'] : undefined
  const ids: readonly unknown[] =
    value === undefined || value === null ? [] : Array.isArray(value) ? (value as unknown[]) : [value]
  return ids.map((id) => {
    if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0) return id
    throw new ConfigError('not a token id', { where: `${GENERATION}: eos_token_id`, found: String(id) })
  })
}

/** The template in a tokenizer_config.json: text, or a list with names, of which one is `default`. */
function templateOf(config: Readonly<Record<string, unknown>>): string | undefined {
  const value = Object.hasOwn(config, 'chat_template') ? config['chat_template'] : undefined
  if (value === undefined || value === null) return undefined
  const chosen: unknown = Array.isArray(value)
    ? value.find((each: unknown) => isJsonObject(each) && each['name'] === 'default')
    : { template: value }
  const template = isJsonObject(chosen) ? chosen['template'] : undefined
  if (typeof template === 'string') return template
  throw new ConfigError('not a template', {
    where: `${CONFIG}: chat_template`,
    expected: 'text, or a list of { name, template } of which one has the name default',
  })
}
