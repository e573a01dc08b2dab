/** Sequences as bytes: saved sessions, and the states after prompts in a store. */
import { reasonOf } from '../../checkpoints/files.ts'
import { DeviceError, StateError } from '../../errors.ts'
import { Random, type RandomState } from '../../tensor/random.ts'
import type { Tokenizer } from '../../tokenizers/tokenizer.ts'
import { architectureHash } from './fingerprint.ts'
import { prefixKey, type PrefixStore } from './prefix-store.ts'
import { decodeState, encodeState, type SavedState, type StateShape } from './saved-state.ts'
import type { Sequence } from '../session/sequence.ts'

/**
 * A sequence, and whose tokens it is of. Reading it back does not change it, so a failure here leaves it as
 * it was.
 */
export interface Subject {
  readonly sequence: Sequence
  readonly tokenizer: Tokenizer | undefined
}

export async function saveSequence(
  { sequence, tokenizer }: Subject,
  held: string,
  random: RandomState = sequence.random.state,
): Promise<Uint8Array<ArrayBuffer>> {
  const read = await sequence.read()
  return encodeState({ ...read, random, tokenizer: tokenizer?.name, held }, shapeOf(sequence))
}

/** Checks that saved bytes fit. Without a name on either side, tokens are taken as they are. */
export async function openSaved({ sequence, tokenizer }: Subject, bytes: Uint8Array): Promise<SavedState> {
  const saved = await decodeState(bytes, shapeOf(sequence))
  const [found, expected] = [saved.tokenizer, tokenizer?.name]
  if (found !== undefined && expected !== undefined && found !== expected) {
    throw new StateError('the tokens are of another tokenizer', {
      where: 'saved state: tokenizer',
      expected,
      found,
    })
  }
  sequence.expectRoom(saved.fed - sequence.length)
  return saved
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
    const bytes = await saveSequence(subject, '', new Random(0).state)
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
    vocabulary: model.vocabulary,
    states: new Map([...decoder.states.named].map(([name, { shape }]) => [name, shape])),
    growing: decoder.states.growing,
  }
}
