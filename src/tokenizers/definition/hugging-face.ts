/** Tokenizers as they are published: tokenizer.json, and what lies beside it. */
import { sha256 } from '@noble/hashes/sha2.js'
import { check, idsOf, text as string } from '../../check.ts'
import type { Folder } from '../../checkpoints/files.ts'
import type { TypedGgufValue } from '../../checkpoints/gguf/index.ts'
import { clip, parseJson, showPosition } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'
import { openBpe } from '../model/bpe.ts'
import { openEncoder, type Encode } from '../model/encoder.ts'
import { openChat } from '../chat.ts'
import { besideOf, withTokensBeside, type Beside, type TokenName } from './beside.ts'
import { namesOf } from './chat-templates.ts'
import { readDefinition, type Definition } from './definition.ts'
import { gpt2Files } from './gpt2.ts'
import {
  ADDED,
  CONFIG,
  GENERATION,
  MERGES,
  publishedFiles,
  SPECIAL,
  TEMPLATE,
  TOKENIZER,
  VOCABULARY,
} from './published-files.ts'
import { textOf, TokenStream } from '../text/stream.ts'
import { readEncode, readSpecial, type Tokenizer } from '../tokenizer.ts'
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

/**
 * Opens the tokenizer of a model's folder: its tokenizer.json, or the vocab.json and merges.txt that GPT-2's
 * is made of; undefined if it has neither. What the files say and is not kept to is told to `warn`.
 */
export async function readTokenizer(
  folder: Folder,
  warn: Warn = (message) => console.warn(message),
): Promise<Tokenizer | undefined> {
  const files = new Map<string, string>()
  const take = async (names: readonly string[]): Promise<void> => {
    for (const name of names) if (await folder.has(name)) files.set(name, await folder.text(name))
  }
  await take([TOKENIZER])
  if (!files.has(TOKENIZER)) {
    await take([VOCABULARY, MERGES])
    if (!files.has(VOCABULARY) || !files.has(MERGES)) return undefined
  }
  await take([CONFIG, SPECIAL, ADDED, GENERATION, TEMPLATE])
  return openFiles(files, TOKENIZER, warn)
}

type Warn = (message: string) => void

async function openFiles(files: ReadonlyMap<string, string>, where: string, warn?: Warn): Promise<Tokenizer> {
  const published = files.get(TOKENIZER)
  if (published !== undefined) return openTokenizerJson(published, { ...besideOf(files), where, files, warn })
  const all = gpt2Files(files, warn ?? ignore)
  return openTokenizerJson(all.get(TOKENIZER)!, { ...besideOf(all), where: VOCABULARY, files: all, warn })
}

export interface TokenizerSettings extends Beside {
  /** What errors call the definition. */
  readonly where: string
  /** Files that say the same; absent: they are made. */
  readonly files?: ReadonlyMap<string, string>
  readonly gguf?: ReadonlyMap<string, TypedGgufValue> | undefined
  readonly warn?: Warn | undefined
}

/** The same with settings from elsewhere. */
export async function openTokenizerJson(text: string, settings: TokenizerSettings): Promise<Tokenizer> {
  const { where, files, warn = ignore } = settings
  const value = withTokensBeside(parseTokenizerJson(text, where), files ?? new Map(), warn)
  return buildTokenizer(value, { ...settings, text: () => [withoutMark(text)] })
}

const ignore: Warn = () => {}

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
  for (const warning of definition.warnings) settings.warn?.(warning)
  const { tokens, spoken, special, around, openPipe } = definition
  const begin = settings.begin === undefined ? undefined : idOf(settings.begin, definition, where)
  const end = [...new Set(settings.end.map((token) => idOf(token, definition, where)))]
  const pad = typeof settings.pad === 'string' ? definition.ids.get(settings.pad) : settings.pad
  /** A text begins anew behind them. */
  const apart = new Set(definition.added.map((token) => token.id))
  let encoder: Encode | undefined
  const encode: Encode = (...text) => {
    encoder ??= openEncoder({
      ...definition,
      openModel: (spell) => openBpe(definition.vocabulary, definition.merges, definition.model, spell),
    })
    return encoder(...text)
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
    end,
    pad,
    get files() {
      return settings.files ?? publishedFiles([...text()].join(''), { begin, end, pad, template, tokens })
    },
    ...(gguf && { gguf }),
    encode(given, options) {
      const { special: addSpecial = false, after } = readEncode(options, 'encode')
      const isOn = after !== undefined && !apart.has(after)
      const ids = encode(wellFormed(check(given, string, 'encode: text')), after !== undefined, isOn)
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
