/** Sequences as bytes: saved sessions, and the states after prompts in a store. */
import { StateError } from '../../errors.ts'
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
 * The state after a sequence and `ids`, if the store has it. It is a cache: what cannot be used is only worth
 * a warning.
 */
export async function findPrefix(
  subject: Subject,
  ids: readonly number[],
  store: PrefixStore,
): Promise<SavedState | undefined> {
  const bytes = await store.get(await keyAfter(subject, ids))
  if (!bytes) return undefined
  const tokens = [...subject.sequence.history.slice(), ...ids]
  try {
    const saved = await openSaved(subject, bytes)
    const whole = saved.base === 0 && saved.fed === tokens.length
    if (whole && saved.tokens.every((token, i) => token === tokens[i])) return saved
    store.warn?.('a prefix was stored under the key of another; it is computed again')
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    store.warn?.(`a stored prefix cannot be used; it is computed again: ${error.message}`)
  }
  return undefined
}

/** Keeps the state after a prompt. Random numbers and held text are the session's own, and left out. */
export async function keepPrefix(subject: Subject, store: PrefixStore): Promise<void> {
  const bytes = await saveSequence(subject, '', new Random(0).state)
  await store.set(await keyAfter(subject, []), bytes)
}

function shapeOf({ model, decoder }: Sequence): StateShape {
  return {
    architecture: architectureHash(model.config),
    vocabulary: model.vocabulary,
    states: new Map([...decoder.states.named].map(([name, { shape }]) => [name, shape])),
    growing: decoder.states.growing,
  }
}
