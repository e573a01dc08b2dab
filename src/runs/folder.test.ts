import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { nextRunFolder } from './folder.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-folder-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('runs are numbered by the name of their data', async () => {
  const runs = join(folder, 'runs')
  const names = ['books/Moby Dick.txt', 'Moby Dick.txt', 'books/', '/']
  const made: string[] = []
  for (const name of names) made.push(await nextRunFolder(name, runs))
  expect(made).toEqual(['Moby-Dick-1', 'Moby-Dick-2', 'books-1', 'text-1'].map((name) => join(runs, name)))
})

test('a file in the way is a typed error', async () => {
  await writeFile(join(folder, 'file'), '')
  await expect(nextRunFolder('a.txt', join(folder, 'file'))).rejects.toThrow(CheckpointError)
})
