/**
 * A tokenizer.json, checked: the library trusts what it is given. Only what it does as the tokenizers library
 * does is let through; the rest is refused by name.
 */
import * as v from 'valibot'
import { clip, isJsonObject, type JsonObject } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'
import { checked, kindOf, tokenId } from './check.ts'
import { readDecoder } from '../text/decoder.ts'
import { readNormalizer } from './normalizer.ts'
import { readPostProcessor, type Around } from './post-processor.ts'
import { readPreTokenizer } from './pre-tokenizer.ts'
import type { TextPipe } from '../text/stream.ts'

export interface Definition {
  readonly tokens: ReadonlyMap<number, string>
  readonly ids: ReadonlyMap<string, number>
  readonly special: ReadonlySet<number>
  /** What is looked for in a text before it is split. */
  readonly added: readonly Added[]
  readonly around: Around
  readonly openPipe: () => TextPipe<string>
  /** Ids of the model's own tokens. */
  readonly vocabulary: ReadonlyMap<string, number>
  readonly merges: readonly Merge[]
  /** What the library is opened with, but for the vocabulary and the merges of its model. */
  readonly library: JsonObject
}

/**
 * Two tokens that become one, as they are given: lists of two take megabytes. In one tokenizer all are the
 * same.
 */
export type Merge = string | readonly string[]

export const pairOf = (merge: Merge): readonly string[] =>
  typeof merge === 'string' ? merge.split(' ') : merge

const addedShape = v.object({
  id: tokenId,
  content: v.pipe(v.string(), v.nonEmpty(), v.maxLength(4096)),
  // The library does not look at the words around a token.
  single_word: v.optional(v.literal(false), false),
  lstrip: v.optional(v.boolean(), false),
  rstrip: v.optional(v.boolean(), false),
  normalized: v.optional(v.boolean()),
  special: v.optional(v.boolean(), false),
})
type Added = v.InferOutput<typeof addedShape>

/** Options of a model that the library does not have must be at what changes nothing. */
const modelShape = v.object({
  dropout: v.nullish(v.literal(0)),
  unk_token: v.nullish(v.string(), null),
  continuing_subword_prefix: v.nullish(v.literal('')),
  end_of_word_suffix: v.nullish(v.literal('')),
  fuse_unk: v.nullish(v.boolean(), false),
  byte_fallback: v.nullish(v.boolean(), false),
  ignore_merges: v.nullish(v.boolean(), false),
})

/** Checks the value of a tokenizer.json. `where` names the file. */
export function readDefinition(value: unknown, where: string): Definition {
  if (!isJsonObject(value)) throw new CheckpointError('the tokenizer is not a JSON object', { where })
  const part = (key: string): unknown => (Object.hasOwn(value, key) ? value[key] : undefined)
  const at = (key: string): string => `${where}: ${key}`
  const { vocabulary, merges, model } = readModel(part('model'), at('model'))
  const added = readAdded(part('added_tokens'), at('added_tokens'))
  const { tokens, ids } = withAdded(vocabulary, added, where)
  if (typeof model['unk_token'] === 'string' && !ids.has(model['unk_token'])) {
    throw new CheckpointError('the unknown token is no token', {
      where: at('model'),
      found: clip(model['unk_token']),
    })
  }
  const around = readPostProcessor(part('post_processor'), at('post_processor'))
  for (const id of [...around.before, ...around.after]) {
    if (!tokens.has(id)) {
      throw new CheckpointError('an id has no token', { where: at('post_processor'), found: id })
    }
  }
  return {
    tokens,
    ids,
    added,
    special: new Set(added.flatMap(({ id, special }) => (special ? [id] : []))),
    around,
    openPipe: readDecoder(part('decoder'), at('decoder')),
    vocabulary,
    merges,
    library: {
      model,
      added_tokens: added,
      normalizer: readNormalizer(part('normalizer'), at('normalizer')),
      pre_tokenizer: readPreTokenizer(part('pre_tokenizer'), at('pre_tokenizer')),
      post_processor: null,
      decoder: null,
    },
  }
}

function readModel(
  value: unknown,
  where: string,
): Pick<Definition, 'vocabulary' | 'merges'> & { model: JsonObject } {
  // Old files have no type.
  const kind = isJsonObject(value) && !Object.hasOwn(value, 'type') ? 'BPE' : kindOf(value, where)
  if (kind !== 'BPE') {
    throw new CheckpointError('this model of tokens is not read', {
      where,
      expected: 'BPE',
      found: clip(kind),
    })
  }
  const options = checked(modelShape, value, where)
  const { vocab, merges } = value as JsonObject
  const vocabulary = readVocabulary(vocab, `${where}.vocab`)
  return {
    vocabulary,
    merges: readMerges(merges, vocabulary, `${where}.merges`),
    model: { type: 'BPE', ...options },
  }
}

/** A vocabulary that was put together here is a Map already. */
function readVocabulary(vocab: unknown, where: string): ReadonlyMap<string, number> {
  const ids = vocab instanceof Map ? (vocab as ReadonlyMap<string, number>) : idsIn(vocab, where)
  if (ids.size === 0) throw new CheckpointError('the vocabulary is empty', { where })
  return ids
}

function idsIn(vocab: unknown, where: string): Map<string, number> {
  if (!isJsonObject(vocab)) throw new CheckpointError('not an object of ids by token', { where })
  const ids = new Map<string, number>()
  for (const [token, id] of Object.entries(vocab)) {
    if (!v.is(tokenId, id)) checked(tokenId, id, `${where}.${clip(token)}`)
    else ids.set(token, id)
  }
  return ids
}

/** What pairs become is in the vocabulary too. */
function readMerges(merges: unknown, ids: ReadonlyMap<string, number>, where: string): readonly Merge[] {
  if (!Array.isArray(merges)) throw new CheckpointError('not a list of pairs', { where })
  for (const [i, merge] of merges.entries()) {
    const pair: unknown = pairOf(merge as Merge)
    if (!isPair(pair)) {
      throw new CheckpointError('not a pair of tokens', {
        where: `${where}.${i}`,
        found: clip(JSON.stringify(merge)),
      })
    }
    const unknown = [...pair, pair.join('')].find((token) => !ids.has(token))
    if (unknown !== undefined) {
      throw new CheckpointError('a token of a merge is not in the vocabulary', {
        where: `${where}.${i}`,
        found: clip(unknown),
      })
    }
  }
  const given = merges as readonly Merge[]
  // The library looks at the first to see what they are.
  return given.every((merge) => typeof merge === 'string') ? given : given.map(pairOf)
}

const isPair = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length === 2 &&
  value.every((token) => typeof token === 'string' && token !== '')

function readAdded(value: unknown, where: string): Added[] {
  const list = checked(v.nullish(v.array(v.unknown()), []), value, where)
  return list.map((each, i) => checked(addedShape, each, `${where}.${i}`))
}

/** All tokens by id, and their ids. */
function withAdded(
  vocabulary: ReadonlyMap<string, number>,
  added: readonly Added[],
  where: string,
): Pick<Definition, 'tokens' | 'ids'> {
  const tokens = new Map<number, string>()
  const put = (token: string, id: number, key: string): void => {
    const other = tokens.get(id)
    if (other !== undefined && other !== token) {
      throw new CheckpointError('two tokens have the same id', {
        where: `${where}: ${key}`,
        expected: `${id} for ${clip(other)}`,
        found: clip(token),
      })
    }
    tokens.set(id, token)
  }
  for (const [token, id] of vocabulary) put(token, id, 'model.vocab')
  const lacking = new Map<string, number>()
  for (const { content, id } of added) {
    put(content, id, 'added_tokens')
    const known = vocabulary.get(content) ?? lacking.get(content)
    if (known !== undefined && known !== id) {
      throw new CheckpointError('a token has two ids', {
        where: `${where}: added_tokens`,
        expected: known,
        found: `${id} for ${clip(content)}`,
      })
    }
    if (known === undefined) lacking.set(content, id)
  }
  return { tokens, ids: lacking.size === 0 ? vocabulary : new Map([...vocabulary, ...lacking]) }
}
