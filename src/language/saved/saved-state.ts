/**
 * Saved sessions: safetensors files. `layers.I.NAME` are the states, `logits` those after the last token fed,
 * `tokens` the history from `base` on, `pieces` how it was fed, `counts` how often each token occurred, if
 * the history is not whole. The metadata carry a SHA-256 of the whole file, itself taken as zeros.
 *
 * Version 2 says which model made the state: `weights`, its fingerprint, and `model`, in words. Version 1,
 * which 0.1.0 wrote, does not: any model of the architecture takes it.
 */
import { writePlainSafetensors, type TensorToStore } from '../../checkpoints/safetensors-writer.ts'
import { readSafetensors, type Safetensors } from '../../checkpoints/safetensors.ts'
import { clip } from '../../checkpoints/json.ts'
import { NumericsError, SidewinderError, StateError } from '../../errors.ts'
import type { RandomState } from '../../tensor/random.ts'
import { sameShape, showShape, type Shape } from '../../tensor/shape.ts'
import { PIECE, type Piece } from '../session/history.ts'
import { checksumOf, findChecksum, writeChecksum, ZEROS } from './state-checksum.ts'

/** What the metadata call the format. */
export const STATE_FORMAT = 'sidewinder-state'
const NAMELESS = '1'
const VERSION = '2'
const WHERE = 'saved state'
const NEEDED = ['format', 'version', 'checksum', 'architecture', 'seen', 'fed', 'random']
const OF_MAKER = ['weights', 'model']
const OPTIONAL = ['tokenizer', 'held']
/** Positions are i32 on devices. */
const MOST_TOKENS = 2 ** 31 - 1
/** Text that is held back is shorter than the longest stop text. */
const MOST_HELD = 1 << 16

/** The model that made a state. */
export interface Maker {
  /** Its fingerprint. */
  readonly weights: string
  /** What it is, for people. */
  readonly model: string
}

/** A session as host values. */
export interface SavedState {
  /** Tokens from `base` on. */
  readonly tokens: readonly number[]
  readonly base: number
  /** Tokens that the state has taken. */
  readonly fed: number
  /** How [base, fed) was fed; what is in no piece, one by one. */
  readonly pieces: readonly Piece[]
  readonly random: RandomState
  /** Name of the tokenizer that the tokens are of. */
  readonly tokenizer: string | undefined
  /** Text that was drawn and not given out, as it may be the beginning of a stop text. */
  readonly held: string
  /** How often each token occurred, if `base` is not 0. */
  readonly counts: Int32Array | undefined
  /** States by `layers.I.NAME`, and `logits`. Empty if nothing was fed. */
  readonly tensors: ReadonlyMap<string, Float32Array>
  /** Absent in version 1. */
  readonly maker: Maker | undefined
}

/** What a state must be to fit a model. */
export interface StateShape {
  readonly architecture: string
  /** The model in words. */
  readonly model: string
  readonly vocabulary: number
  /** States for one sequence, by `layers.I.NAME`. */
  readonly states: ReadonlyMap<string, Shape>
  /** Those that grow: axis 1 is saved as long as the text. */
  readonly growing: ReadonlySet<string>
}

/** @throws NumericsError if the state is not finite: it would not be read again. */
export function encodeState(saved: SavedState, expected: StateShape): Uint8Array<ArrayBuffer> {
  const { tokens, base, fed, pieces, counts, tensors } = saved
  const stored = new Map<string, TensorToStore>()
  for (const [name, data] of tensors) {
    if (!isSound(name, data)) throw new NumericsError('the state is not finite', { where: `save: ${name}` })
    stored.set(name, { data, shape: shapeOf(name, expected, fed) ?? [data.length] })
  }
  stored.set('tokens', { data: Int32Array.from(tokens), shape: [tokens.length] })
  stored.set('pieces', {
    data: Int32Array.from(pieces.flatMap(({ start, size }) => [start, size])),
    shape: [pieces.length, 2],
  })
  if (counts) stored.set('counts', { data: counts, shape: [counts.length] })
  const file = writePlainSafetensors(stored, {
    format: STATE_FORMAT,
    version: saved.maker ? VERSION : NAMELESS,
    checksum: ZEROS,
    ...saved.maker,
    architecture: expected.architecture,
    seen: String(base + tokens.length),
    fed: String(fed),
    random: saved.random.join(),
    ...(saved.tokenizer === undefined ? {} : { tokenizer: saved.tokenizer }),
    ...(saved.held === '' ? {} : { held: saved.held }),
  })
  writeChecksum(file)
  return file
}

/** @throws StateError that says what does not fit: expected and found */
export async function decodeState(bytes: Uint8Array, expected: StateShape): Promise<SavedState> {
  const file = await readSafetensors(bytes, WHERE).catch((cause: unknown) => {
    if (!(cause instanceof SidewinderError)) throw cause
    throw new StateError(`cannot be read: ${cause.message}`, { where: WHERE, cause })
  })
  const metadata = readMetadata(file, bytes, expected)
  const tokens = [...(await integers(file, 'tokens', [undefined]))]
  const { seen, fed } = metadata
  const base = seen - tokens.length
  const outside = tokens.findIndex((token) => token < 0 || token >= expected.vocabulary)
  if (outside >= 0)
    refuse('tokens', 'token id outside the vocabulary', `0 to ${expected.vocabulary - 1}`, tokens[outside])
  if (base < 0 || fed < base || fed > seen) {
    refuse(
      'fed',
      'impossible counts',
      `${tokens.length} tokens or more seen, and ${base} to ${seen} of them fed`,
      fed,
    )
  }
  return {
    ...metadata,
    tokens,
    base,
    pieces: readPieces(await integers(file, 'pieces', [undefined, 2]), base, fed),
    counts: base > 0 ? await readCounts(file, expected.vocabulary, seen) : undefined,
    tensors: await readTensors(file, expected, fed, base > 0),
  }
}

/** A model in words, and the beginning of a hash, which tells those apart that agree in words. */
export const showModel = (words: string, what: string, hash: string): string =>
  `${clip(words)}, ${what} ${clip(hash.slice(0, 16))}`

function refuse(what: string, rule: string, expected?: unknown, found?: unknown, hint?: string): never {
  throw new StateError(rule, { where: `${WHERE}: ${what}`, expected, found, hint })
}

function readMetadata(
  { metadata }: Safetensors,
  bytes: Uint8Array,
  expected: StateShape,
): Pick<SavedState, 'fed' | 'random' | 'tokenizer' | 'held' | 'maker'> & { readonly seen: number } {
  const field = (key: string): string =>
    Object.hasOwn(metadata, key) ? metadata[key] : refuse(key, 'the entry is missing')
  const optional = (key: string): string | undefined =>
    Object.hasOwn(metadata, key) ? metadata[key] : undefined
  const same = (key: string, rule: string, want: string, hint?: string): void => {
    if (field(key) !== want) refuse(key, rule, want, clip(field(key)), hint)
  }
  same('format', 'not a saved session', STATE_FORMAT)
  const named = field('version') === VERSION
  if (!named && field('version') !== NAMELESS)
    refuse('version', 'another version of the format', `${NAMELESS} or ${VERSION}`, clip(field('version')))
  const at = findChecksum(bytes)
  same(
    'checksum',
    'the checksum does not match',
    at < 0 ? 'a checksum' : checksumOf(bytes, at),
    'The file is damaged',
  )
  const needed = [...NEEDED, ...(named ? OF_MAKER : [])]
  for (const key of needed) field(key)
  const maker = named ? { weights: field('weights'), model: field('model') } : undefined
  if (field('architecture') !== expected.architecture) {
    refuse(
      'architecture',
      'the state is of another architecture',
      showModel(expected.model, 'settings', expected.architecture),
      showModel(maker?.model ?? 'a model without a name', 'settings', field('architecture')),
    )
  }
  const unknown = Object.keys(metadata).find((key) => !needed.includes(key) && !OPTIONAL.includes(key))
  if (unknown !== undefined) refuse(clip(unknown), 'unknown entry')
  const held = optional('held') ?? ''
  if (held.length > MOST_HELD) refuse('held', 'too long', `at most ${MOST_HELD} characters`, held.length)
  return {
    seen: count('seen', field('seen')),
    fed: count('fed', field('fed')),
    random: readRandom(field('random')),
    tokenizer: optional('tokenizer'),
    held,
    maker,
  }
}

function count(key: string, text: string): number {
  const value = /^(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN
  return value <= MOST_TOKENS ? value : refuse(key, 'not a count', `0 to ${MOST_TOKENS}`, clip(text))
}

function readRandom(text: string): RandomState {
  const words = text.split(',').map((word) => (/^-?\d{1,10}$/.test(word) ? Number(word) : Number.NaN))
  const valid =
    words.length === 4 && words.every((word) => (word | 0) === word) && words.some((word) => word !== 0)
  if (!valid)
    refuse('random', 'not the state of a random generator', 'four 32-bit integers, not all 0', clip(text))
  return words as unknown as RandomState
}

/** The integers of a tensor; an undefined axis may be of any length. */
async function integers(
  file: Safetensors,
  name: string,
  shape: readonly (number | undefined)[],
): Promise<Int32Array> {
  const stored = file.get(name) ?? refuse(name, 'the tensor is missing')
  const fits =
    stored.shape.length === shape.length && stored.shape.every((axis, i) => axis === (shape[i] ?? axis))
  if (stored.dtype !== 'I32' || !fits) {
    const expected = `I32 [${shape.map((axis) => axis ?? 'any').join(', ')}]`
    refuse(name, 'wrong dtype or shape', expected, `${stored.dtype} ${showShape(stored.shape)}`)
  }
  return (await stored.read()) as Int32Array
}

/** Pieces follow each other within [base, fed). */
function readPieces(numbers: Int32Array, base: number, fed: number): Piece[] {
  let end = base
  return Array.from({ length: numbers.length / 2 }, (_, i) => {
    const [start, size] = [numbers[2 * i], numbers[2 * i + 1]]
    if (start < end || size < 2 || size > PIECE || start + size > fed) {
      refuse(
        'pieces',
        'impossible piece',
        `2 to ${PIECE} tokens within ${end} to ${fed}`,
        `${size} from ${start}`,
      )
    }
    end = start + size
    return { start, size }
  })
}

async function readCounts(file: Safetensors, vocabulary: number, seen: number): Promise<Int32Array> {
  const counts = await integers(file, 'counts', [vocabulary])
  const sum = counts.reduce((total, each) => (each < 0 ? Number.NaN : total + each), 0)
  if (sum !== seen) refuse('counts', 'impossible counts', `numbers that add up to ${seen}`, sum)
  return counts
}

async function readTensors(
  file: Safetensors,
  expected: StateShape,
  fed: number,
  counted: boolean,
): Promise<Map<string, Float32Array>> {
  const shapes = new Map<string, Shape>()
  if (fed > 0) {
    for (const name of expected.states.keys()) shapes.set(name, shapeOf(name, expected, fed)!)
    shapes.set('logits', [expected.vocabulary])
  }
  const others = ['tokens', 'pieces', ...(counted ? ['counts'] : [])]
  for (const name of file.keys()) {
    if (!shapes.has(name) && !others.includes(name)) refuse(clip(name), 'unknown tensor')
  }
  const tensors = new Map<string, Float32Array>()
  for (const [name, shape] of shapes) {
    const stored = file.get(name) ?? refuse(name, 'the tensor is missing', showShape(shape))
    if (stored.dtype !== 'F32' || !sameShape(stored.shape, shape)) {
      refuse(
        name,
        'wrong dtype or shape',
        `F32 ${showShape(shape)}`,
        `${stored.dtype} ${showShape(stored.shape)}`,
      )
    }
    const values = (await stored.read()) as Float32Array
    if (!isSound(name, values)) refuse(name, 'not finite', 'numbers', 'NaN or infinity')
    tensors.set(name, values)
  }
  return tensors
}

function shapeOf(name: string, { states, growing }: StateShape, fed: number): Shape | undefined {
  const shape = states.get(name)
  return shape && growing.has(name) ? shape.with(1, fed) : shape
}

/** States are finite. A logit may be -Infinity: a token that is never drawn. */
function isSound(name: string, values: Float32Array): boolean {
  return values.every(name === 'logits' ? (value) => value < Number.POSITIVE_INFINITY : Number.isFinite)
}
