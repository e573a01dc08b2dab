/** Sequences as bytes: saved sessions, and the states after prompts in a store. */
import { reasonOf } from '../../checkpoints/files.ts'
import { DeviceError, StateError } from '../../errors.ts'
import { Random, type RandomState } from '../../tensor/random.ts'
import type { Tokenizer } from '../../tokenizers/tokenizer.ts'
import { architectureHash, fingerprintOf, modelWords } from './fingerprint.ts'
import { prefixKey, type PrefixStore } from './prefix-store.ts'
import {
  decodeState,
  encodeState,
  showModel,
  type Maker,
  type SavedState,
  type StateShape,
} from './saved-state.ts'
import type { Sequence } from '../session/sequence.ts'
import type { RestoreOptions } from '../session/session-options.ts'
import type { Model } from '../../models/model.ts'

/**
 * A sequence, and whose tokens it is of. Reading it back does not change it, so a failure here leaves it as
 * it was.
 */
export interface Subject {
  readonly sequence: Sequence
  readonly tokenizer: Tokenizer | undefined
}

interface SaveSettings {
  /** Text that was drawn and not given out. */
  readonly held?: string | undefined
  readonly random?: RandomState
  /** Whether the state says which model made it. */
  readonly named?: boolean
}

export async function saveSequence(
  { sequence, tokenizer }: Subject,
  { held = '', random = sequence.random.state, named = true }: SaveSettings = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { model } = sequence
  const maker = named ? { weights: await fingerprintOf(model), model: modelWords(model) } : undefined
  const read = await sequence.read()
  return encodeState({ ...read, random, tokenizer: tokenizer?.name, held, maker }, shapeOf(sequence))
}

/**
 * Checks that saved bytes fit. Without a name on either side, tokens are taken as they are, and so is a state
 * that does not say which model made it.
 */
export async function openSaved(
  { sequence, tokenizer }: Subject,
  bytes: Uint8Array,
  { anyWeights = false }: RestoreOptions = {},
): Promise<SavedState> {
  const saved = await decodeState(bytes, shapeOf(sequence))
  const [found, expected] = [saved.tokenizer, tokenizer?.name]
  if (found !== undefined && expected !== undefined && found !== expected) {
    throw new StateError('the tokens are of another tokenizer', {
      where: 'saved state: tokenizer',
      expected,
      found,
    })
  }
  if (!anyWeights && saved.maker) await expectMaker(sequence.model, saved.maker)
  sequence.expectRoom(saved.fed - sequence.length)
  return saved
}

async function expectMaker(model: Model, { weights, model: words }: Maker): Promise<void> {
  const own = await fingerprintOf(model)
  if (weights === own) return
  throw new StateError('the state is of a model with other weights', {
    where: 'saved state: weights',
    expected: showModel(modelWords(model), 'fingerprint', own),
    found: showModel(words, 'fingerprint', weights),
    hint: 'Restore it into the model that made it. `anyWeights: true` (--any-weights) takes it all the same',
  })
}

/** Where the state after a sequence and `ids` lies in a store. */
async function keyAfter({ sequence }: Subject, ids: readonly number[]): Promise<string> {
  if (sequence.history.base > 0) {
    throw new StateError('a prefix is looked up by all its tokens, and the first ones were not kept', {
      where: 'session: append',
      hint: 'Leave `history` on',
    })
  }
  return prefixKey(sequence.model, [...sequence.history.slice(), ...ids])
}

/**
 * The state after a sequence and `ids`, if the store has it. It is a cache: a store that fails, and what
 * cannot be used, are only worth a warning.
 */
export async function findPrefix(
  subject: Subject,
  ids: readonly number[],
  store: PrefixStore,
): Promise<SavedState | undefined> {
  const key = await keyAfter(subject, ids)
  const tokens = [...subject.sequence.history.slice(), ...ids]
  try {
    const bytes = await store.get(key)
    if (!bytes) return undefined
    const saved = await openSaved(subject, bytes)
    const whole = saved.base === 0 && saved.fed === tokens.length
    if (whole && saved.tokens.every((token, i) => token === tokens[i])) return saved
    warn(store, 'a prefix was stored under the key of another; it is computed again')
  } catch (error) {
    warn(store, `a stored prefix cannot be used; it is computed again: ${reasonOf(error)}`)
  }
  return undefined
}

/**
 * Keeps the state after a prompt. Random numbers and held text are the session's own, and left out. A store
 * that fails is only worth a warning: the session has taken the tokens.
 */
export async function keepPrefix(subject: Subject, store: PrefixStore): Promise<void> {
  try {
    const bytes = await saveSequence(subject, { random: new Random(0).state })
    await store.set(await keyAfter(subject, []), bytes)
  } catch (error) {
    // A device that fails is not the store's failure.
    if (error instanceof DeviceError && error.where !== 'opfsStore') throw error
    warn(store, `the state after this prompt is not kept: ${reasonOf(error)}`)
  }
}

function warn(store: PrefixStore, message: string): void {
  if (store.warn) store.warn(message)
  else console.warn(message)
}

function shapeOf({ model, decoder }: Sequence): StateShape {
  return {
    architecture: architectureHash(model.config),
    model: modelWords(model),
    vocabulary: model.vocabulary,
    states: new Map([...decoder.states.named].map(([name, { shape }]) => [name, shape])),
    growing: decoder.states.growing,
  }
}
