import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { AnyDevice } from '../../src/devices/device.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { CheckpointError, ConfigError } from '../../src/errors.ts'
import { folderStore } from '../../src/language/saved/folder-store.ts'
import { memoryStore, type PrefixStore } from '../../src/language/saved/prefix-store.ts'
import { configOf, openModel, randomTokens } from '../suites/session-models.ts'

let device: AnyDevice
let folder: string
beforeAll(async () => {
  device = await openDevice('wasm', { threads: 1 })
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-'))
})
afterAll(async () => {
  device.destroy()
  await rm(folder, { recursive: true, force: true })
})

const KEY = 'a'.repeat(64)
const OTHER = 'b'.repeat(64)

test('a prefix that was read is not read again', async () => {
  const model = await openModel(device, configOf('hybrid'))
  const stores: PrefixStore[] = [memoryStore({ maxBytes: 1e7 }), folderStore(join(folder, 'prefixes'))]
  const prefix = randomTokens(100, 1)
  const read = [vi.spyOn(model, 'last'), vi.spyOn(model, 'step')]
  const calls = (): number => read.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
  for (const store of stores) {
    const first = model.session()
    await first.append(prefix, { store })
    const want = await first.logits()
    const before = calls()
    const second = model.session()
    await second.append(prefix, { store })
    expect(await second.logits()).toEqual(want)
    expect(second.tokens).toEqual(prefix)
    expect(calls()).toBe(before)
    await second.rewind(30)
    await second.append(prefix.slice(70), { store })
    expect(await second.logits()).toEqual(want)
    expect(calls()).toBe(before)

    const weights = model.parameters.get('backbone.norm_f.weight')!.tensor
    const values = await weights.read()
    weights.write(values.map((value) => 2 * value))
    model.changed()
    const third = model.session()
    await third.append(prefix, { store })
    expect(calls()).toBeGreaterThan(before)
    expect(await third.logits()).not.toEqual(want)
    weights.write(values)
    model.changed()
    for (const session of [first, second, third]) session.dispose()
  }
  model.dispose()
})

test('an entry that cannot be used is computed again, with a warning', async () => {
  const model = await openModel(device, configOf('mamba'))
  const entries = new Map<string, Uint8Array>()
  const warn = vi.fn<(message: string) => void>()
  const store: PrefixStore = {
    warn,
    get: (key) => Promise.resolve(entries.get(key)),
    set: (key, bytes) => Promise.resolve(void entries.set(key, bytes)),
  }
  const session = model.session()
  await session.append([1, 2, 3], { store })
  const want = await session.logits()
  const [[key, bytes]] = [...entries]
  for (const bad of [bytes.slice(0, -1), await saved(model, [1, 2, 4])]) {
    entries.set(key, bad)
    const again = model.session()
    await again.append([1, 2, 3], { store })
    expect(await again.logits()).toEqual(want)
    expect(entries.get(key)).toEqual(bytes)
    again.dispose()
  }
  expect(warn).toHaveBeenCalledTimes(2)
  session.dispose()
  model.dispose()
})

async function saved(model: Awaited<ReturnType<typeof openModel>>, tokens: number[]): Promise<Uint8Array> {
  const session = model.session()
  await session.append(tokens)
  const bytes = await session.save()
  session.dispose()
  return bytes
}

test('a folder: whole files, damaged ones removed, others left alone', async () => {
  const path = join(folder, 'store')
  const warnings: string[] = []
  const store = folderStore(path, { onWarning: (message) => warnings.push(message) })
  expect(await store.get(KEY)).toBeUndefined()
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i)
  await store.set(KEY, bytes)
  await store.set(OTHER, bytes.subarray(5))
  await writeFile(join(path, 'notes.txt'), 'mine')
  expect(new Uint8Array((await store.get(KEY))!)).toEqual(bytes)
  const file = join(path, `${KEY}.state`)
  const whole = await readFile(file)
  for (const damaged of [
    whole.subarray(0, 500),
    ...[3, 31, 32, 700].map((at) => whole.map((byte, i) => (i === at ? byte ^ 1 : byte))),
    Buffer.alloc(0),
  ]) {
    await writeFile(file, damaged)
    expect(await store.get(KEY)).toBeUndefined()
    expect(warnings.pop()).toBe(`${file} is damaged; it is removed`)
    expect((await readdir(path)).toSorted()).toEqual([`${OTHER}.state`, 'notes.txt'])
  }
  await expect(store.get('../secret')).rejects.toThrow(ConfigError)
  await expect(store.set('A'.repeat(64), bytes)).rejects.toThrow(ConfigError)
  await expect(folderStore(file.replace(KEY, OTHER)).get(KEY)).rejects.toThrow(CheckpointError)
})

test('memory: the entries used last, within bounds', async () => {
  const store = memoryStore({ maxBytes: 100 })
  await store.set('a', new Uint8Array(40))
  await store.set('b', new Uint8Array(40))
  await store.get('a')
  await store.set('c', new Uint8Array(40))
  expect(
    [await store.get('a'), await store.get('b'), await store.get('c')].map((each) => each?.length),
  ).toEqual([40, undefined, 40])
  await store.set('d', new Uint8Array(101))
  expect(await store.get('d')).toBeUndefined()
  expect((await store.get('a'))?.length).toBe(40)
})

test('a store that fails makes no append fail, and no token is read twice', async () => {
  const model = await openModel(device, configOf('mamba2'))
  const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
  const warnings: string[] = []
  const broken: PrefixStore[] = [
    { get: () => Promise.resolve(undefined), set: () => Promise.reject(full), warn: (m) => warnings.push(m) },
    { get: () => Promise.reject(full), set: () => Promise.resolve(), warn: (m) => warnings.push(m) },
    {
      get: () => Promise.resolve(Uint8Array.of(1)),
      set: () => Promise.resolve(),
      warn: (m) => warnings.push(m),
    },
    folderStore('/dev/null/store', { onWarning: (m) => warnings.push(m) }),
  ]
  for (const store of broken) {
    warnings.length = 0
    const session = model.session()
    await session.append([1, 2, 3, 4], { store })
    expect(session.tokens).toEqual([1, 2, 3, 4])
    expect(await session.logits()).toHaveLength(model.vocabulary)
    expect(warnings.length).toBeGreaterThan(0)
    session.dispose()
  }
  const silent = vi.spyOn(console, 'warn').mockReturnValue(undefined)
  await model.session().append([1], { store: { ...broken[0], warn: undefined } })
  expect(silent).toHaveBeenCalledWith(expect.stringMatching(/is not kept.*ENOSPC/))
  silent.mockRestore()
})
