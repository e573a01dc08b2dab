import { beforeAll, describe, expect, test, vi } from 'vitest'
import { writePlainSafetensors, type TensorToStore } from '../../src/checkpoints/safetensors-writer.ts'
import { readSafetensors } from '../../src/checkpoints/safetensors.ts'
import type { AnyDevice } from '../../src/devices/device.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { StateError } from '../../src/errors.ts'
import { architectureHash } from '../../src/language/saved/fingerprint.ts'
import { LanguageModel } from '../../src/language/language-model.ts'
import { byteTokenizer } from '../../src/tokenizers/text/bytes.ts'
import { testDevices } from '../devices.ts'
import { onlyIn } from '../left-out.ts'
import { relativeError } from '../suites/compare.ts'
import { stateTarget, withChecksum } from '../suites/fuzz/state.ts'
import { configOf, drawn, KINDS, openModel, randomTokens } from '../suites/session-models.ts'

let reference: AnyDevice
beforeAll(async () => {
  reference = await openDevice('reference')
})

testDevices('states that move', (device, repeats) => {
  for (const kind of KINDS) {
    test(`${kind}: to the reference and back`, kind === 'hybrid' ? {} : repeats, async () => {
      const [here, there] = [
        await openModel(device(), configOf(kind)),
        await openModel(reference, configOf(kind)),
      ]
      const session = here.session()
      await session.append(randomTokens(70, 1))
      await drawn(session, { maxTokens: 5, temperature: 0 })
      const moved = await there.session({ from: session })
      const back = await here.session({ from: await moved.save() })
      const options = { temperature: 0, maxTokens: 8 }
      const want = await drawn(session, options)
      expect(await drawn(moved, options)).toEqual(want)
      expect(await drawn(back, options)).toEqual(want)
      expect(relativeError(await moved.logits(), await session.logits())).toBeLessThan(1e-4)
      expect(relativeError(await back.logits(), await session.logits())).toBeLessThan(1e-4)
      for (const each of [session, moved, back]) each.dispose()
      here.dispose()
      there.dispose()
    })
  }
})

/** Changes one byte in so many, each in turn, and leaves bytes away. */
async function refusesChanges(every: number): Promise<void> {
  const model = await openModel(reference, configOf('hybrid', 16, 8))
  const session = model.session()
  await session.append([1, 2, 3])
  const bytes = await session.save()
  for (let i = 0; i < bytes.length; i += every) {
    const flipped = bytes.slice()
    flipped[i] ^= 1 << (i % 8)
    await expect(model.session({ from: flipped })).rejects.toThrow(StateError)
  }
  for (const length of [0, 7, 8, 100, bytes.length - 1]) {
    await expect(model.session({ from: bytes.subarray(0, length) })).rejects.toThrow(StateError)
  }
  const again = await model.session({ from: bytes })
  expect(await again.save()).toEqual(bytes)
  again.dispose()
  session.dispose()
  model.dispose()
}

describe('saved states', () => {
  test('a changed byte is refused: every seventh', () => refusesChanges(7))
  test('a changed byte is refused: any', onlyIn('long'), () => refusesChanges(1))

  test('what does not fit is refused by name, even with the right checksum', async () => {
    const model = await openModel(reference, configOf('hybrid', 16, 8))
    const session = model.session()
    await session.append([1, 2, 3, 4])
    await drawn(session, { maxTokens: 3 })
    const bytes = await session.save()
    const cases: Record<string, [RegExp, Change]> = {
      format: [/not a saved session/, { metadata: { format: 'other' } }],
      version: [/version.*expected 1 or 2, found 3/, { metadata: { version: '3' } }],
      'a first version that names its model': [/unknown entry/, { metadata: { version: '1' } }],
      weights: [/other weights/, { metadata: { weights: 'f'.repeat(64) } }],
      'no weights': [/weights\] the entry is missing/, { metadata: { weights: undefined } }],
      'no model': [/model\] the entry is missing/, { metadata: { model: undefined } }],
      architecture: [/another architecture/, { metadata: { architecture: '0'.repeat(64) } }],
      seen: [/not a count/, { metadata: { seen: '-1' } }],
      'more fed than seen': [/impossible counts/, { metadata: { fed: '8' } }],
      'fewer seen than there are': [/impossible counts/, { metadata: { seen: '6' } }],
      'more seen, uncounted': [
        /counts\] the tensor is missing/,
        { metadata: { seen: '8' }, tensors: { pieces: () => int([0, 2], 0) } },
      ],
      random: [/random generator/, { metadata: { random: '0,0,0,0' } }],
      held: [/too long/, { metadata: { held: 'x'.repeat(70_000) } }],
      unknown: [/unknown entry/, { metadata: { more: '1' } }],
      tokens: [/outside the vocabulary/, { tensors: { tokens: ({ shape }) => int(shape, 16) } }],
      pieces: [/impossible piece/, { tensors: { pieces: ({ shape }) => int(shape, 9) } }],
      'NaN in a state': [
        /layers\.0\.ssm\] not finite/,
        { tensors: { 'layers.0.ssm': (x) => ({ ...x, data: x.data.fill(Number.NaN) }) } },
      ],
      'a shape': [/layers\.1\.key\] wrong dtype or shape/, { tensors: { 'layers.1.key': (x) => flat(x) } }],
      'a missing tensor': [
        /layers\.2\.conv\] the tensor is missing/,
        { tensors: { 'layers.2.conv': () => undefined } },
      ],
      'an unknown tensor': [/layers\.9\.conv\] unknown tensor/, { more: 'layers.9.conv' }],
    }
    for (const [name, [message, change]] of Object.entries(cases)) {
      const made = await changed(bytes, change)
      await expect(model.session({ from: made }), name).rejects.toThrow(message)
      await expect(model.session({ from: made }), name).rejects.toThrow(StateError)
    }
    const same = await model.session({ from: await changed(bytes, {}) })
    expect(same.tokens).toEqual(session.tokens)
    const before = session.tokens
    await expect(session.restore(await changed(bytes, cases['pieces'][1]))).rejects.toThrow(StateError)
    expect(session.tokens).toEqual(before)
    same.dispose()
    session.dispose()
    model.dispose()
  })

  test('a state is of an architecture and of a tokenizer', async () => {
    const model = await openModel(reference, configOf('mamba', 256, 8))
    const session = model.session()
    await session.append('ab')
    const bytes = await session.save()
    const other = await openModel(reference, configOf('mamba', 256, 16))
    await expect(other.session({ from: bytes })).rejects.toThrow(/another architecture/)
    const config = configOf('mamba', 256, 8)
    const renamed = { ...byteTokenizer, name: 'other' }
    const stranger = LanguageModel.create(config, reference, 1, renamed)
    await expect(stranger.session({ from: bytes })).rejects.toThrow(/expected other, found bytes/)
    const tuned = configOf('mamba2')
    const layers = tuned.layers.map((layer) => (layer.kind === 'mamba2' ? { ...layer, chunk: 32 } : layer))
    expect(architectureHash({ ...tuned, layers })).toBe(architectureHash(tuned))
    expect(architectureHash({ ...tuned, eps: 1e-6 })).not.toBe(architectureHash(tuned))
    session.dispose()
    for (const each of [model, other, stranger]) each.dispose()
  })

  test('a state goes on with the weights that made it, or with any if that is wanted', async () => {
    const config = configOf('mamba2', 16, 8)
    const model = await openModel(reference, config)
    const other = await openModel(reference, config, 2)
    const session = model.session()
    await session.append([1, 2, 3])
    const bytes = await session.save()
    const words = '2 × mamba2, width 8, vocabulary 16, language, tied embeddings, weights F32, fingerprint '
    const [own, theirs] = [await model.fingerprint(), await other.fingerprint()]
    for (const from of [bytes, session]) {
      const refused = await other.session({ from }).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(StateError)
      expect(refused).toMatchObject({
        expected: words + theirs.slice(0, 16),
        found: words + own.slice(0, 16),
        hint: expect.stringContaining('anyWeights') as string,
      })
      const taken = await other.session({ from, anyWeights: true })
      expect(taken.tokens).toEqual([1, 2, 3])
      taken.dispose()
    }
    const busy = other.session()
    await busy.append([7])
    await expect(busy.restore(bytes)).rejects.toThrow(/other weights/)
    expect(busy.tokens).toEqual([7])
    await busy.restore(bytes, { anyWeights: true })
    expect(busy.tokens).toEqual([1, 2, 3])
    // @ts-expect-error: an option that there is not.
    await expect(busy.restore(bytes, { anyweights: true })).rejects.toThrow(/anyweights/)
    // Training changes the weights: what was saved before is of another model.
    const { tensor } = model.parameters.get('backbone.embeddings.weight')!
    tensor.write((await tensor.read()).map((value) => 2 * value))
    model.changed()
    await expect(model.session({ from: bytes })).rejects.toThrow(/other weights/)
    for (const each of [session, busy, model, other]) each.dispose()
  })

  test('a page without https: computes the same fingerprint', async () => {
    const config = configOf('mamba2', 1024, 300)
    const [model, same] = [await openModel(reference, config), await openModel(reference, config)]
    const want = await model.fingerprint()
    vi.stubGlobal('crypto', {})
    try {
      expect(await same.fingerprint()).toBe(want)
    } finally {
      vi.unstubAllGlobals()
    }
    for (const each of [model, same]) each.dispose()
  })

  test('copies within one model read no weights', async () => {
    const model = await openModel(reference, configOf('mamba2', 16, 8))
    const weight = model.parameters.get('backbone.embeddings.weight')!
    const read = vi.spyOn(weight.tensor, 'read')
    const session = model.session()
    await session.append([1, 2, 3])
    const [branch, copy] = [await session.fork(), await model.session({ from: session })]
    await branch.rewind(1)
    expect(copy.tokens).toEqual(session.tokens)
    expect(read).not.toHaveBeenCalled()
    await session.save()
    const calls = read.mock.calls.length
    expect(calls).toBeGreaterThan(0)
    await copy.restore(await session.save())
    expect(read).toHaveBeenCalledTimes(calls)
    for (const each of [session, branch, copy, model]) each.dispose()
  })

  test('the seeds of the fuzzer fit, cut or changed they do not', async () => {
    for (const { bytes } of await stateTarget.seeds()) {
      await stateTarget.run(bytes)
      await expect(stateTarget.run(bytes.slice(0, -3))).rejects.toThrow(StateError)
      await expect(stateTarget.run(await changed(bytes, { metadata: { fed: '99' } }))).rejects.toThrow(
        StateError,
      )
    }
  })
})

interface Change {
  /** What is undefined is left out. */
  readonly metadata?: Readonly<Record<string, string | undefined>>
  readonly tensors?: Readonly<Record<string, (x: TensorToStore) => TensorToStore | undefined>>
  readonly more?: string
}

const int = (shape: readonly number[], value: number): TensorToStore => ({
  shape,
  data: new Int32Array(shape.reduce((a, b) => a * b, 1)).fill(value),
})
const flat = ({ data }: TensorToStore): TensorToStore => ({ data, shape: [data.length] })

/** The same state with something changed, and a checksum that fits. */
async function changed(bytes: Uint8Array, change: Change): Promise<Uint8Array<ArrayBuffer>> {
  const file = await readSafetensors(bytes)
  const tensors = new Map<string, TensorToStore>()
  for (const [name, each] of file) {
    const stored = { shape: each.shape, data: await each.read() }
    const made = change.tensors?.[name] ? change.tensors[name](stored) : stored
    if (made) tensors.set(name, made)
  }
  if (change.more) tensors.set(change.more, { shape: [1], data: new Float32Array(1) })
  const metadata: Record<string, string> = {}
  for (const [key, value] of Object.entries({ ...file.metadata, ...change.metadata })) {
    if (value !== undefined) metadata[key] = value
  }
  return withChecksum(writePlainSafetensors(tensors, metadata))
}
