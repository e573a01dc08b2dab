/** Models that are saved where something is: over an older save, and over nothing else unasked. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AnyDevice } from '../../src/devices/device.ts'
import { CheckpointError, ConfigError } from '../../src/errors.ts'
import { createModel } from '../../src/language/create-model.ts'
import type { LanguageModel } from '../../src/language/language-model.ts'
import { openDevice } from '../../src/ops/open-device.ts'

let device: AnyDevice
let model: LanguageModel
let folder: string

beforeAll(async () => {
  device = await openDevice('wasm', { threads: 1 })
  model = await createModel({ architecture: 'mamba2', layers: 1, width: 16, vocabulary: 32, device })
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-over-'))
})
afterAll(async () => {
  device.destroy()
  await rm(folder, { recursive: true, force: true })
})

const LLAMA = JSON.stringify({ model_type: 'llama', hidden_size: 64 })

const FOREIGN: Record<string, Record<string, string>> = {
  'a model that we do not read': { 'config.json': LLAMA, 'model.safetensors': 'weights' },
  'settings of something else': { 'config.json': '{"port": 80}' },
  'no JSON': { 'config.json': 'port = 80' },
  'weights without a configuration': { 'model.safetensors': 'weights' },
}

test.each(Object.entries(FOREIGN))('%s is replaced only if that is wanted', async (name, files) => {
  const path = join(folder, name)
  await mkdir(path)
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text)
  const blobs = new Map(Object.entries(files).map(([file, text]) => [file, new Blob([text])]))
  for (const target of [path, blobs]) {
    for (const overwrite of [undefined, false]) {
      const failed = await model.save(target, { overwrite }).catch((error: unknown) => error)
      expect(failed).toBeInstanceOf(CheckpointError)
      expect((failed as Error).message).toMatch(/there already; found .*overwrite: true/)
    }
  }
  for (const [file, text] of Object.entries(files)) {
    expect(await readFile(join(path, file), 'utf8')).toBe(text)
    expect(await blobs.get(file)!.text()).toBe(text)
  }
  expect((await readdir(path)).toSorted()).toEqual(Object.keys(files).toSorted())
  for (const target of [path, blobs]) await model.save(target, { overwrite: true })
  expect(await readFile(join(path, 'config.json'), 'utf8')).toContain('"model_type": "mamba2"')
  expect(await blobs.get('config.json')!.text()).toContain('"model_type": "mamba2"')
})

test('an older save is replaced, unless nothing may be; other files stay', async () => {
  const path = join(folder, 'older')
  await model.save(path)
  await writeFile(join(path, 'README.md'), 'mine')
  const before = await readFile(join(path, 'model.safetensors'))
  await expect(model.save(path, { overwrite: false })).rejects.toThrow(/there already; found config.json/)
  await model.save(path)
  await model.save(path, { overwrite: true })
  expect(await readFile(join(path, 'model.safetensors'))).toEqual(before)
  expect(await readFile(join(path, 'README.md'), 'utf8')).toBe('mine')
  // @ts-expect-error: no flag.
  await expect(model.save(path, { overwrite: 'yes' })).rejects.toThrow(ConfigError)
})
