/** Saves over an older save that are killed, fail, or are read meanwhile. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import files from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { bundle } from '../../scripts/run-ts.mjs'
import type { AnyDevice } from '../../src/devices/device.ts'
import { createModel } from '../../src/language/create-model.ts'
import type { LanguageModel } from '../../src/language/language-model.ts'
import { loadModel } from '../../src/language/load-model.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { onlyIn } from '../left-out.ts'

let device: AnyDevice
let models: LanguageModel[]
let wanted: Float32Array[]
let folder = ''
const logits = async (model: LanguageModel): Promise<Float32Array> => (await model.logits([[1, 2, 3]])).data

beforeAll(async () => {
  device = await openDevice('wasm', { threads: 1 })
  const make = (seed: number): Promise<LanguageModel> =>
    createModel({ architecture: 'mamba2', layers: 2, width: 16, vocabulary: 32, device, seed })
  models = [await make(1), await make(2)]
  wanted = await Promise.all(models.map(logits))
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-saves-'))
})
afterAll(async () => {
  device.destroy()
  await rm(folder, { recursive: true, force: true })
})

/** Which model the folder holds. Anything between the two is none. */
async function found(path: string): Promise<number> {
  const model = await loadModel(path, { device })
  const values = await logits(model)
  model.dispose()
  return wanted.findIndex((want) => want.every((value, i) => value === values[i]))
}

const SHARDS = { shardBytes: 10_000 }

test('at whatever call to the disk a save dies, the old or the new is read, and the next save is clean', async () => {
  const path = join(folder, 'calls')
  const names = ['open', 'mkdir', 'rename', 'rm', 'readdir', 'link', 'writeFile'] as const
  const seen = new Set<number>()
  await models[0].save(path, SHARDS)
  const clean = (await readdir(path)).toSorted()
  for (let last = 0, died = true; died; last++) {
    let calls = 0
    died = false
    const spies = names.map((name) => {
      const real = files[name] as (...values: unknown[]) => unknown
      return vi.spyOn(files, name).mockImplementation(((...values: unknown[]) => {
        // A process that is dead calls nothing any more.
        if (calls++ >= last) died = true
        return died ? Promise.reject(new Error('dead')) : real(...values)
      }) as never)
    })
    const failed = await models[1].save(path, SHARDS).catch((error: unknown) => error)
    for (const spy of spies) spy.mockRestore()
    if (died && failed === undefined && last === 0) throw new Error('nothing died')
    await rm(join(path, '.sidewinder-lock'), { force: true })
    const which = await found(path)
    expect(which, `after ${last} calls`).toBeGreaterThanOrEqual(0)
    seen.add(which)
    await models[0].save(path, SHARDS)
    expect((await readdir(path)).filter((name) => !/^\..*\.tmp$/.test(name)).toSorted()).toEqual(clean)
    expect(await found(path)).toBe(0)
  }
  expect(seen).toEqual(new Set([0, 1]))
}, 60_000)

test('a disk that is full in the middle leaves the old model', async () => {
  const path = join(folder, 'full')
  await models[0].save(path, SHARDS)
  const before = (await readdir(path)).toSorted()
  const real = files.open
  let opened = 0
  const spy = vi.spyOn(files, 'open').mockImplementation((...values: Parameters<typeof real>) => {
    if (String(values[0]).endsWith('.safetensors') && opened++ === 1) {
      return Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }))
    }
    return real(...values)
  })
  await expect(models[1].save(path, SHARDS)).rejects.toThrow(
    /the disk is full.*What was saved before is whole/,
  )
  spy.mockRestore()
  expect(await found(path)).toBe(0)
  expect((await readdir(path)).toSorted()).toEqual(before)
})

test('who reads while others save gets one of the models', async () => {
  const path = join(folder, 'readers')
  await models[0].save(path, SHARDS)
  const state = { saving: true }
  const saves = (async () => {
    for (let i = 1; i <= 10; i++) await models[i % 2].save(path, SHARDS)
    state.saving = false
  })()
  while (state.saving) expect(await found(path)).toBeGreaterThanOrEqual(0)
  await saves
  expect(await found(path)).toBe(0)
}, 60_000)

async function kill(rounds: number): Promise<void> {
  const path = join(folder, 'killed')
  const module = await bundle('src/entries/index.ts')
  const code = `
    import { createModel, openDevice } from ${JSON.stringify(module)}
    const device = await openDevice('wasm', { threads: 1 })
    const make = (seed) => createModel({ architecture: 'mamba2', layers: 2, width: 16, vocabulary: 32, device, seed })
    const models = [await make(1), await make(2)]
    process.send('ready')
    for (let i = 0; ; i++) await models[i % 2].save(${JSON.stringify(path)}, { shardBytes: 10_000 })`
  await models[0].save(path, SHARDS)
  const clean = (await readdir(path)).toSorted()
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    await once(child, 'message')
    await new Promise((done) => setTimeout(done, 10 + Math.random() * 100))
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await found(path)).toBeGreaterThanOrEqual(0)
  }
  await models[0].save(path, SHARDS)
  expect((await readdir(path)).toSorted()).toEqual(clean)
  await rm(module)
}

test('kill -9 in the middle leaves one of the models', () => kill(4), 60_000)
test('kill -9, again and again', { ...onlyIn('long'), timeout: 300_000 }, () => kill(60))
