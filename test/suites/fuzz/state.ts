/**
 * Saved states that strangers may have changed: restored or refused with a StateError, never anything else.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { openDevice } from '../../../src/ops/open-device.ts'
import { StateError } from '../../../src/errors.ts'
import type { LanguageModel } from '../../../src/language/language-model.ts'
import { configOf, drawn, openModel, type Kind } from '../session-models.ts'
import type { FuzzTarget } from './run.ts'

const CHECKSUM = '"checksum":"'
const KINDS: readonly Kind[] = ['mamba', 'mamba2', 'convolved']

let models: Promise<readonly LanguageModel[]> | undefined

/** Tiny models, of each kind of state, on the reference device. */
const openModels = (): Promise<readonly LanguageModel[]> =>
  (models ??= openDevice('reference').then((device) =>
    Promise.all(KINDS.map((kind) => openModel(device, configOf(kind, 16, 8)))),
  ))

/** Saved sessions: short ones and longer ones, with and without history, one that has read nothing. */
async function seeds(): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer> }[]> {
  const all: { name: string; bytes: Uint8Array<ArrayBuffer> }[] = []
  for (const [i, model] of (await openModels()).entries()) {
    for (const history of [true, false]) {
      const session = model.session({ history })
      const name = `${KINDS[i]}${history ? '' : ', without history'}`
      all.push({ name: `${name}, empty`, bytes: await session.save() })
      await session.append([1, 2, 3, 4, 5])
      await drawn(session, { maxTokens: 8 })
      all.push({ name, bytes: await session.save() })
      session.dispose()
    }
  }
  return all
}

/** The same bytes with a checksum that fits, so that what stands behind it is looked at. */
export function withChecksum(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const mended = new Uint8Array(bytes)
  const at = new TextDecoder('latin1').decode(mended).indexOf(CHECKSUM) + CHECKSUM.length
  if (at < CHECKSUM.length || at + 64 > mended.length) return mended
  mended.fill(0x30, at, at + 64)
  mended.set(new TextEncoder().encode(bytesToHex(sha256(mended))), at)
  return mended
}

/**
 * Restores the bytes into each model, as they are and with a checksum that fits; throws if none takes them.
 */
async function run(bytes: Uint8Array): Promise<void> {
  const refusals: StateError[] = []
  for (const model of await openModels()) {
    for (const variant of [bytes, withChecksum(bytes)]) {
      const refusal = await restore(model, variant)
      if (!refusal) return
      refusals.push(refusal)
    }
  }
  throw refusals[0]
}

/** Restores the bytes and goes on; gives the refusal, if they are refused as they should be. */
async function restore(model: LanguageModel, bytes: Uint8Array): Promise<StateError | undefined> {
  try {
    const session = await model.session({ from: bytes })
    if (session.length > 0) await session.logits()
    session.dispose()
    return undefined
  } catch (error) {
    if (error instanceof StateError) return error
    throw new Error('not refused with a StateError', { cause: error })
  }
}

export const stateTarget: FuzzTarget = { name: 'state', seeds, run }
