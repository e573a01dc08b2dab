import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigError, SidewinderError } from '../errors.ts'
import { ARCHITECTURE_NAMES } from '../models/config.ts'
import { readRun, writeRun, type StoredRun } from './run-file.ts'
import { completeSettings } from './settings.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-run-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const run: StoredRun = {
  ...completeSettings({ task: 'text', data: '/books/a.txt', state: 32 }),
  dataHash: '0'.repeat(64),
  device: 'wasm',
}

test('is read as it was written', async () => {
  await writeRun(folder, run)
  expect(await readRun(folder)).toEqual(run)
  const { state: _, ...plain } = run
  await writeRun(folder, plain)
  expect(await readRun(folder)).toEqual(plain)
})

test('no byte of it changes without notice, and the error says what to do', async () => {
  await writeRun(folder, run)
  const path = join(folder, 'run.json')
  const good = await readFile(path)
  for (let at = 0; at < good.length - 1; at++) {
    await writeFile(path, new Uint8Array(good).with(at, good[at] ^ (1 << (at & 7))))
    await expect(readRun(folder)).rejects.toThrow(SidewinderError)
  }
  await writeFile(path, good.toString().replace(/"width": \d+/, '"width": 64'))
  await expect(readRun(folder)).rejects.toThrow(/run\.json\] the file is damaged.*removes the key crc32/)
})

const hostile: [string, unknown, RegExp][] = [
  ['steps', -1, /run\.json: steps\] wrong value; expected a whole number/],
  ['width', 1e9, /width/],
  ['width', '256', /width/],
  ['layers', 1.5, /layers/],
  ['learningRate', null, /learningRate.*expected a number from/],
  ['architecture', 'rnn', new RegExp(`expected ${ARCHITECTURE_NAMES.join(', ')}, found "rnn"`)],
  ['architecture', { toString: 1 }, /architecture/],
  ['batching', ['random'], /batching/],
  ['data', 7, /data/],
  ['data', '', /data/],
  ['dataHash', 'zz', /dataHash/],
  ['device', 'abacus', /webgpu, wasm, reference/],
  ['version', 3, /version/],
  ['task', 'paint', /expected text, classify, label, regress, found "paint"/],
  ['label', 'kind', /label\] unknown key/],
  ['recompute', 'yes', /true or false/],
  ['evil', 1, /evil\] unknown key/],
  ['__proto__', { steps: 1 }, /unknown key/],
]
test.each(hostile)('%s = %j is refused by name', async (key, value, message) => {
  const text = JSON.stringify({ version: 2, ...run })
  const entry = `${JSON.stringify(key)}:${JSON.stringify(value)}`
  const known = Object.hasOwn({ version: 2, ...run }, key)
  const changed = known
    ? JSON.stringify({ version: 2, ...run, [key]: value })
    : text.replace(/}$/, `,${entry}}`)
  await writeFile(join(folder, 'run.json'), changed)
  const reading = readRun(folder)
  await expect(reading).rejects.toThrow(ConfigError)
  await expect(reading).rejects.toThrow(message)
})

test.each(['', '{', 'null', '[]', '3', '{}'])('%j is refused', async (text) => {
  await writeFile(join(folder, 'run.json'), text)
  await expect(readRun(folder)).rejects.toThrow(ConfigError)
})

test('a missing key is refused by name', async () => {
  const { steps: _, ...rest } = run
  await writeFile(join(folder, 'run.json'), JSON.stringify({ version: 2, ...rest }))
  await expect(readRun(folder)).rejects.toThrow(/steps/)
})

test('a folder without run.json is not a run', async () => {
  await expect(readRun(tmpdir())).rejects.toThrow(/not a run folder/)
})
