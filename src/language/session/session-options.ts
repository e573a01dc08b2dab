/** What sessions are told, and how it is checked. */
import * as v from 'valibot'
import {
  abortSignal,
  countFrom,
  flag,
  objectWith,
  optionsOf,
  type Bytes,
  type Declared,
} from '../../check.ts'
import type { AppendOptions } from '../options.ts'
import type { PrefixStore } from '../saved/prefix-store.ts'
import type { SequenceSettings } from './sequence.ts'
import type { Session } from './session.ts'

/** How a saved session is taken. */
export interface RestoreOptions {
  /**
   * Go on although a model with other weights made the state, or one that stores them otherwise; its
   * architecture must agree all the same. What is drawn then follows from a state that this model would not
   * have come to. Default: false. States of version 0.1.0 do not say which model made them, and are taken.
   */
  readonly anyWeights?: boolean | undefined
}

/** How a session begins, and what it keeps. */
export interface SessionOptions extends SequenceSettings, RestoreOptions {
  /** What to go on from: the bytes of a saved session, or another session, which is left as it is. */
  readonly from?: Bytes | Session | undefined
}

const SEQUENCE = {
  capacity: countFrom(1),
  snapshots: countFrom(0),
  history: flag,
  rewind: flag,
} satisfies Declared<SequenceSettings>

export const readSequence = optionsOf<SequenceSettings>(SEQUENCE)
export const readRestore = optionsOf<RestoreOptions>({ anyWeights: flag })
export const readSession = optionsOf<SessionOptions>({
  ...SEQUENCE,
  anyWeights: flag,
  from: v.custom<Bytes | Session>(() => true, 'bytes or a session'),
})
export const readAppend = optionsOf<AppendOptions>({
  store: objectWith<PrefixStore>('a prefix store', 'get', 'set'),
  signal: abortSignal,
})
