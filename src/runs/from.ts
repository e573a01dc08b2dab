/**
 * Runs that train on from a model: it lies in the run's folder, where the first checkpoint takes its place.
 */
import type { AnyDevice } from '../devices/device.ts'
import { decodeText } from '../checkpoints/source.ts'
import type { TextCorpus } from '../data/text.ts'
import { ConfigError } from '../errors.ts'
import { LanguageModel } from '../language/language-model.ts'
import { fillStack } from '../models/files/fill.ts'
import { openCheckpoint, type Checkpoint, type SourceOptions } from '../models/files/open.ts'
import { Model } from '../models/model.ts'
import { eachOf, outputsOf, sameConfig, type HeadConfig, type InputConfig } from '../models/stack-config.ts'
import { bytesIfSo } from '../tokenizers/text/bytes.ts'
import type { Tokenizer } from '../tokenizers/tokenizer.ts'

/** What a run begins from. */
export interface Origin {
  readonly checkpoint: Checkpoint
  /** What texts become tokens by; undefined where a model has none, or takes features. */
  readonly tokenizer: Tokenizer | undefined
}

/** Reads headers, and the tokenizer of a language model; weights are read when the model is made. */
export async function openOrigin(source: string, options: SourceOptions = {}): Promise<Origin> {
  const checkpoint = await openCheckpoint(source, options)
  const { head, input } = checkpoint.config
  if (head.kind !== 'language') return { checkpoint, tokenizer: undefined }
  return { checkpoint, tokenizer: (await checkpoint.tokenizer()) ?? bytesIfSo(input) }
}

/**
 * The model with the inputs and the head of a task. Weights of another head are not taken over, but drawn
 * from the seed.
 *
 * @throws ConfigError if the model does not take what the data are
 */
export async function modelFrom(
  { checkpoint, tokenizer }: Origin,
  device: AnyDevice,
  { input, head, seed }: { readonly input: InputConfig; readonly head: HeadConfig; readonly seed: number },
): Promise<Model> {
  const { config, where } = checkpoint
  if (!sameConfig(input, config.input)) {
    throw new ConfigError('the model does not take these data', {
      where,
      expected: describeInput(config.input),
      found: describeInput(input),
    })
  }
  const stack = await fillStack(checkpoint, device, { weights: 'f32' })
  if (sameHead(head, config.head)) {
    const { special } = checkpoint
    return head.kind === 'language'
      ? new LanguageModel(config, stack, tokenizer, { special, problem: undefined })
      : new Model(config, stack)
  }
  if (head.kind === 'language') {
    throw new ConfigError('not a language model', { where, found: config.head.kind })
  }
  const source = new Model(config, stack)
  const model = Model.create({ ...config, head, tieEmbeddings: false }, device, seed)
  try {
    for (const [name, { tensor }] of model.parameters) {
      const from = name.startsWith('head.') ? undefined : source.parameters.get(name)
      if (from) tensor.write(await from.tensor.read())
    }
    return model
  } catch (error) {
    model.dispose()
    throw error
  } finally {
    source.dispose()
  }
}

/** Characters of a text that become tokens at a time: a longer document is cut after a line. */
const PIECE = 2 ** 22

/**
 * A text as the tokens of the model, each document on its own. A model of bytes takes it as it is.
 *
 * @throws ConfigError if there is no tokenizer, or it gives tokens that the model does not have
 */
export function encodeCorpus(
  corpus: TextCorpus,
  { checkpoint, tokenizer }: Origin,
  where: string,
  piece = PIECE,
): TextCorpus {
  const { config } = checkpoint
  if (!tokenizer) {
    throw new ConfigError('the model has no tokenizer for a text', {
      where: checkpoint.where,
      hint: 'Put its tokenizer.json beside it',
    })
  }
  if (tokenizer.name === 'bytes') return corpus
  const vocabulary = outputsOf({ head: { kind: 'language' }, input: config.input })
  const starts: number[] = []
  const parts: Int32Array[] = []
  let size = 0
  for (const [i, begin] of corpus.starts.entries()) {
    const document = corpus.tokens.subarray(begin, corpus.starts[i + 1] ?? corpus.tokens.length) as Uint8Array
    starts.push(size)
    for (const [bytes, first] of lineWise(document, piece)) {
      const ids = tokenizer.encode(decodeText(bytes, where), { special: first })
      expectKnown(ids, vocabulary, where)
      parts.push(Int32Array.from(ids))
      size += ids.length
    }
  }
  const tokens = new Int32Array(size)
  let at = 0
  for (const part of parts) {
    tokens.set(part, at)
    at += part.length
  }
  return { tokens, starts, vocabulary }
}

/** A document in parts that end after a line, and whether each is its first. */
function* lineWise(document: Uint8Array, piece: number): Generator<readonly [Uint8Array, boolean]> {
  for (let from = 0; from < document.length;) {
    const line = document.indexOf(10, from + piece - 1)
    const to = line < 0 ? document.length : line + 1
    yield [document.subarray(from, to), from === 0]
    from = to
  }
}

function expectKnown(ids: readonly number[], vocabulary: number, where: string): void {
  const wrong = ids.find((id) => !(id >= 0 && id < vocabulary))
  if (wrong === undefined) return
  throw new ConfigError('the tokenizer gives a token that the model does not have', {
    where,
    expected: `0 to ${vocabulary - 1}`,
    found: wrong,
    hint: 'Tokenizer and model do not belong together',
  })
}

const sameHead = (a: HeadConfig, b: HeadConfig): boolean =>
  a.kind === b.kind &&
  eachOf(a) === eachOf(b) &&
  (a.kind === 'language' ||
    outputsOf({ head: a, input: { features: 1 } }) === outputsOf({ head: b, input: { features: 1 } }))

const describeInput = (input: InputConfig): string =>
  'vocabulary' in input ? `tokens of ${input.vocabulary}` : `${input.features} features`
