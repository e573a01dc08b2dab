/** Tokenizers as they are published: tokenizer.json, and what lies beside it. */
import { sha256 } from '@noble/hashes/sha2.js'
import { check, idsOf, text as string } from '../../check.ts'
import { parseConfigText } from '../../checkpoints/config.ts'
import type { Folder } from '../../checkpoints/files.ts'
import type { TypedGgufValue } from '../../checkpoints/gguf/index.ts'
import { clip, isJsonObject, parseJson, showPosition } from '../../checkpoints/json.ts'
import { CheckpointError, ConfigError } from '../../errors.ts'
import { openBpe } from '../model/bpe.ts'
import { openEncoder, type Encode } from '../model/encoder.ts'
import { openChat, type ChatTemplates } from '../chat.ts'
import { chatTemplatesOf, namedTokens, namesOf } from './chat-templates.ts'
import { readDefinition, type Definition } from './definition.ts'
import { CONFIG, GENERATION, publishedFiles, TEMPLATE, TOKENIZER } from './published-files.ts'
import { textOf, TokenStream } from '../text/stream.ts'
import { readSpecial, type Tokenizer } from '../tokenizer.ts'
import { utf8Bytes, wellFormed } from '../text/utf8.ts'

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
 * @throws CheckpointError naming file and key, what was expected and what was found; ConfigError for the
 *   files beside it
 */
export function openTokenizer(
  tokenizerJson: string,
  files: TokenizerFiles = {},
  where = TOKENIZER,
): Promise<Tokenizer> {
  const named: readonly (readonly [name: string, text: string | undefined])[] = [
    [TOKENIZER, tokenizerJson],
    [CONFIG, files.config],
    [GENERATION, files.generation],
    [TEMPLATE, files.template],
  ]
  const there = named.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]))
  return openFiles(new Map(there), where)
}

/** Opens the tokenizer of a model's folder; undefined if it has no tokenizer.json. */
export async function readTokenizer(folder: Folder): Promise<Tokenizer | undefined> {
  if (!(await folder.has(TOKENIZER))) return undefined
  const files = new Map<string, string>()
  for (const name of [TOKENIZER, CONFIG, GENERATION, TEMPLATE]) {
    if (await folder.has(name)) files.set(name, await folder.text(name))
  }
  return openFiles(files, TOKENIZER)
}

async function openFiles(files: ReadonlyMap<string, string>, where: string): Promise<Tokenizer> {
  return openTokenizerJson(files.get(TOKENIZER)!, { ...besideOf(files), where, files })
}

/** What the files beside a tokenizer.json say of its tokens. */
export function besideOf(files: ReadonlyMap<string, string>): Beside {
  const parsed = (name: string): Readonly<Record<string, unknown>> => {
    const text = files.get(name)
    return text === undefined ? {} : parseConfigText(text, name)
  }
  const [config, generation] = [parsed(CONFIG), parsed(GENERATION)]
  return {
    begin: tokensNamed(config, 'bos_token')[0],
    end: [...tokensNamed(config, 'eos_token'), ...endIdsOf(generation)],
    pad: tokensNamed(config, 'pad_token')[0],
    templates: chatTemplatesOf(files.get(TEMPLATE), config),
    named: namedTokens((name) => tokensNamed(config, name)[0]),
  }
}

/** A token by its text, which the tokenizer must have, or by its id. */
type TokenName = string | number

/** What a tokenizer needs besides its definition. */
interface Beside {
  readonly begin: TokenName | undefined
  readonly end: readonly TokenName[]
  /** transformers adds one that the tokenizer lacks; here there is none then. */
  readonly pad: TokenName | undefined
  readonly templates: ChatTemplates
  /** Tokens as templates name them. */
  readonly named: Readonly<Record<string, TokenName | undefined>>
}

export interface TokenizerSettings extends Beside {
  /** What errors call the definition. */
  readonly where: string
  /** Files that say the same; absent: they are made. */
  readonly files?: ReadonlyMap<string, string>
  readonly gguf?: ReadonlyMap<string, TypedGgufValue> | undefined
}

/** The same with settings from elsewhere. */
export async function openTokenizerJson(text: string, settings: TokenizerSettings): Promise<Tokenizer> {
  const value = parseTokenizerJson(text, settings.where)
  return buildTokenizer(value, { ...settings, text: () => [withoutMark(text)] })
}

export function parseTokenizerJson(text: string, where: string): unknown {
  const plain = withoutMark(text)
  const fail = (rule: string, offset: number): never => {
    throw new CheckpointError(`${rule} at ${showPosition(plain, offset)}`, { where })
  }
  return parseJson(plain, { fail })
}

const withoutMark = (text: string): string => (text.startsWith('\uFEFF') ? text.slice(1) : text)

/**
 * A tokenizer from the value of a tokenizer.json (whose vocabulary may be a Map) and its text in pieces,
 * whose hash is in the name. What takes tens of megabytes is made at the first text.
 */
export async function buildTokenizer(
  value: unknown,
  settings: TokenizerSettings & { readonly text: () => Iterable<string> },
): Promise<Tokenizer> {
  const { where, templates, named, text, gguf } = settings
  const template = templates.byName.get('default')
  const definition = readDefinition(value, where)
  const { tokens, spoken, special, around, openPipe } = definition
  const begin = settings.begin === undefined ? undefined : idOf(settings.begin, definition, where)
  const end = settings.end.map((token) => idOf(token, definition, where))
  const pad = typeof settings.pad === 'string' ? definition.ids.get(settings.pad) : settings.pad
  let encoder: Encode | undefined
  const encode: Encode = (text, isOn) => {
    encoder ??= openEncoder({
      ...definition,
      openModel: (spell) => openBpe(definition.vocabulary, definition.merges, definition.model, spell),
    })
    return encoder(text, isOn)
  }
  const stream: Tokenizer['stream'] = (options) => {
    const { special: keepSpecial = false } = readSpecial(options, 'stream')
    const textOfToken = (id: number): string | undefined =>
      keepSpecial || !special.has(id) ? (spoken.get(id) ?? tokens.get(id)) : undefined
    return new TokenStream(textOfToken, openPipe())
  }
  return {
    name: `bpe-${hashOf(text())}`,
    size: 1 + largestId(tokens),
    begin,
    end: [...new Set(end)],
    pad,
    get files() {
      return settings.files ?? publishedFiles([...text()].join(''), { begin, end, pad, template, tokens })
    },
    ...(gguf && { gguf }),
    encode(given, options) {
      const { special: addSpecial = false } = readSpecial(options, 'encode')
      const ids = encode(wellFormed(check(given, string, 'encode: text')))
      return addSpecial ? [...around.before, ...ids, ...around.after] : ids
    },
    decode: (ids, options) => textOf(idsOf(ids, 'decode'), stream(options)),
    stream,
    chat: await openChat(templates, namesOf(named, tokens)),
  }
}

function largestId(tokens: Definition['tokens']): number {
  let most = 0
  for (const id of tokens.keys()) most = Math.max(most, id)
  return most
}

function idOf(token: TokenName, { ids }: Definition, where: string): number {
  const id = typeof token === 'number' ? token : ids.get(token)
  if (id !== undefined) return id
  throw new CheckpointError('the tokenizer lacks this token', { where, found: clip(String(token)) })
}

/** The beginning of the SHA-256 of the text that `pieces` are, in hexadecimal digits. */
function hashOf(pieces: Iterable<string>): string {
  const hash = sha256.create()
  let text = ''
  for (const piece of pieces) {
    text += piece
    if (text.length < 4096) continue
    hash.update(utf8Bytes(text))
    text = ''
  }
  hash.update(utf8Bytes(text))
  return [...hash.digest().subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
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
