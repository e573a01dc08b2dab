import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { readText } from './read-text.ts'
import { splitCorpus } from './text.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-text-'))
  await mkdir(join(folder, 'book/b'), { recursive: true })
  await writeFile(join(folder, 'book/b/1.txt'), 'second')
  await writeFile(join(folder, 'book/a.md'), 'first')
  await writeFile(join(folder, 'book/empty.txt'), '')
  await writeFile(join(folder, 'book/picture.png'), 'no text')
  await mkdir(join(folder, 'nothing'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('a folder is read in the order of its paths, each file a document', async () => {
  const corpus = await readText(join(folder, 'book'))
  expect(new TextDecoder().decode(corpus.tokens)).toBe('firstsecond')
  expect(corpus.starts).toEqual([0, 5])
  expect(corpus.hash).toMatch(/^[0-9a-f]{64}$/)
})

test('the same bytes in other documents have another hash', async () => {
  await writeFile(join(folder, 'one.txt'), 'firstsecond')
  const [one, two] = [await readText(join(folder, 'one.txt')), await readText(join(folder, 'book'))]
  expect(one.tokens).toEqual(two.tokens)
  expect(one.hash).not.toBe(two.hash)
})

test.each([
  ['missing.txt', /no such file or folder/],
  ['nothing', /no text/],
  ['book/empty.txt', /empty/],
])('%s is refused', async (name, message) => {
  const reading = readText(join(folder, name))
  await expect(reading).rejects.toThrow(ConfigError)
  await expect(reading).rejects.toThrow(message)
})

test('the end of a text is held out', () => {
  const tokens = Uint8Array.from({ length: 100 }, (_, i) => i)
  const { training, validation } = splitCorpus({ tokens, starts: [0, 50, 95] }, 0.1)
  expect(training.tokens).toEqual(tokens.subarray(0, 90))
  expect(training.starts).toEqual([0, 50])
  expect(validation).toEqual(tokens.subarray(90))
  expect(splitCorpus({ tokens, starts: [0] }, 0).validation).toHaveLength(0)
})
