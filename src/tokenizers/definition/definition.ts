/**
 * A tokenizer.json, checked. What is let through is done as the tokenizers library does it; the rest is
 * refused by name.
 */
import * as v from 'valibot'
import { clip, isJsonObject, type JsonObject } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'
import { joined, pairOf, type BpeOptions, type Merge } from '../model/bpe.ts'
import type { AddedToken } from '../model/added-tokens.ts'
import { checked, kindOf, shortText, tokenId } from './check.ts'
import { readDecoder } from '../text/decoder.ts'
import { readNormalizer, type Normalizer } from './normalizer.ts'
import { readPostProcessor, type Around } from './post-processor.ts'
import { readPreTokenizer, type Step } from './pre-tokenizer.ts'
import type { TextPipe } from '../text/stream.ts'

export interface Definition {
  readonly tokens: ReadonlyMap<number, string>
  readonly ids: ReadonlyMap<string, number>
  readonly special: ReadonlySet<number>
  /** What tokens are when ids become text, where that is not their name: what the normalizer makes of it. */
  readonly spoken: ReadonlyMap<number, string>
  /** What is looked for in a text before it is split. */
  readonly added: readonly AddedToken[]
  readonly around: Around
  readonly openPipe: () => TextPipe<string>
  /** Ids of the model's own tokens. */
  readonly vocabulary: ReadonlyMap<string, number>
  readonly merges: readonly Merge[]
  readonly model: BpeOptions
  readonly normalizer: Normalizer | undefined
  readonly steps: readonly Step[]
  /** What of the file is not kept to, in words. */
  readonly warnings: readonly string[]
}

const addedShape = v.object({
  /** Absent in files beside the tokenizer.json. */
  id: v.optional(tokenId),
  content: v.pipe(v.string(), v.maxLength(4096)),
  single_word: v.nullish(v.boolean(), false),
  lstrip: v.nullish(v.boolean(), false),
  rstrip: v.nullish(v.boolean(), false),
  normalized: v.nullish(v.boolean()),
  special: v.nullish(v.boolean(), false),
})

const modelShape = v.object({
  // A chance would give other ids each time.
  dropout: v.nullish(v.literal(0)),
  unk_token: v.nullish(v.string(), null),
  continuing_subword_prefix: v.nullish(shortText, ''),
  end_of_word_suffix: v.nullish(shortText, ''),
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
  const warnings = ['truncation', 'padding'].flatMap((key) => {
    const value = part(key)
    return value === null || value === undefined ? [] : [`[${at(key)}] it is left out: texts are taken whole`]
  })
  const given = readAdded(part('added_tokens'), at('added_tokens'))
  const added = numbered(given, vocabulary, at('added_tokens'), warnings)
  const { tokens, ids } = withAdded(vocabulary, added, where)
  if (model.unk_token !== null && !vocabulary.has(model.unk_token)) {
    throw new CheckpointError('the unknown token is no token', {
      where: at('model'),
      found: clip(model.unk_token),
    })
  }
  const around = readPostProcessor(part('post_processor'), at('post_processor'))
  for (const id of [...around.before, ...around.after]) {
    if (!tokens.has(id)) {
      throw new CheckpointError('an id has no token', { where: at('post_processor'), found: id })
    }
  }
  const normalizer = readNormalizer(part('normalizer'), at('normalizer'))
  const spoken = spokenOf(added, normalizer)
  const special = new Set(added.flatMap(({ content, special }) => (special ? [content] : [])))
  return {
    tokens,
    ids,
    added,
    spoken,
    special: new Set(
      added.flatMap(({ id, content }) => (special.has(spoken.get(id) ?? content) ? [id] : [])),
    ),
    around,
    openPipe: readDecoder(part('decoder'), at('decoder')),
    vocabulary,
    merges,
    model,
    normalizer,
    steps: readPreTokenizer(part('pre_tokenizer'), at('pre_tokenizer')),
    warnings,
  }
}

function readModel(value: unknown, where: string): Pick<Definition, 'vocabulary' | 'merges' | 'model'> {
  // Old files have no type.
  const kind = isJsonObject(value) && !Object.hasOwn(value, 'type') ? 'BPE' : kindOf(value, where)
  if (kind !== 'BPE') {
    throw new CheckpointError('this model of tokens is not read', {
      where,
      expected: 'BPE',
      found: clip(kind),
    })
  }
  const { dropout: _, ...model } = checked(modelShape, value, where)
  const { vocab, merges } = value as JsonObject
  const vocabulary = readVocabulary(vocab, `${where}.vocab`)
  return {
    vocabulary,
    merges: readMerges(merges, vocabulary, model.continuing_subword_prefix, `${where}.merges`),
    model,
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
function readMerges(
  merges: unknown,
  ids: ReadonlyMap<string, number>,
  prefix: string,
  where: string,
): readonly Merge[] {
  if (!Array.isArray(merges)) throw new CheckpointError('not a list of pairs', { where })
  // Lists of text may begin with the line that files of merges have.
  const given = (merges as readonly Merge[]).filter(
    (merge) => typeof merge !== 'string' || !merge.startsWith('#version'),
  )
  for (const [i, merge] of given.entries()) {
    const pair: unknown = pairOf(merge)
    if (!isPair(pair)) {
      throw new CheckpointError('not a pair of tokens', {
        where: `${where}.${i}`,
        found: clip(JSON.stringify(merge)),
      })
    }
    const unknown = [...pair, joined(pair[0], pair[1], prefix)].find((token) => !ids.has(token))
    if (unknown !== undefined) {
      throw new CheckpointError('a token of a merge is not in the vocabulary', {
        where: `${where}.${i}`,
        found: clip(unknown),
      })
    }
  }
  return given
}

const isPair = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length === 2 &&
  value.every((token) => typeof token === 'string' && token !== '')

/** The tokenizers library gives tokens that are looked for in normalised text out as they are found. */
function spokenOf(added: readonly AddedToken[], normalizer: Normalizer | undefined): Map<number, string> {
  const spoken = new Map<number, string>()
  for (const { id, content, normalized } of added) {
    const text =
      normalized && normalizer ? normalizer.normalize({ text: content, head: 0 }, false).text : content
    if (text !== content) spoken.set(id, text)
  }
  return spoken
}

type GivenToken = v.InferOutput<typeof addedShape>

function readAdded(value: unknown, where: string): GivenToken[] {
  const list = checked(v.nullish(v.array(v.unknown()), []), value, where)
  return list.map((each, i) => checked(addedShape, each, `${where}.${i}`))
}

/**
 * Added tokens with the ids that the tokenizers library gives them, whatever the file says: that of the
 * vocabulary, or the next one behind it.
 */
function numbered(
  given: readonly GivenToken[],
  vocabulary: ReadonlyMap<string, number>,
  where: string,
  warnings: string[],
): AddedToken[] {
  const taken = new Set(vocabulary.values())
  let next = vocabulary.size
  const added = new Map<string, AddedToken>()
  for (const token of given) {
    const { content, special, normalized } = token
    if (content === '') continue
    const known = added.get(content)?.id ?? vocabulary.get(content)
    // A vocabulary with gaps has the next one already.
    const id = known ?? (taken.has(next) && token.id !== undefined ? token.id : next++)
    if (token.id !== undefined && id !== token.id)
      warnings.push(`[${where}] ${clip(content)} has the id ${id}, not ${token.id}`)
    added.set(content, { ...token, id, normalized: normalized ?? !special })
  }
  return [...added.values()]
}

/** All tokens by id, and their ids. */
function withAdded(
  vocabulary: ReadonlyMap<string, number>,
  added: readonly AddedToken[],
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
