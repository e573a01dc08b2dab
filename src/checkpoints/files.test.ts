import { describe, expect, test } from 'vitest'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CheckpointError } from '../errors.ts'
import { openFolder } from './files.ts'
import { readSafetensors } from './safetensors.ts'

const path = fileURLToPath(new URL('../../test/fixtures/checkpoints/mamba2-dtlimit', import.meta.url))

describe('a folder on disk', () => {
  test('texts, and parts of files', async () => {
    const folder = await openFolder(path)
    expect(await folder.text('config.json')).toContain('"mamba2"')
    const weights = await readSafetensors(await folder.open('model.safetensors'), 'model.safetensors')
    const values = await weights.get('backbone.embeddings.weight')!.read()
    expect(values).toHaveLength(61 * 24)
  })

  test('its files are listed, links to files too, folders not', async () => {
    const folder = await openFolder(path)
    expect(await folder.list()).toEqual((await readdir(path)).toSorted())
    expect(await folder.has('config.json')).toBe(true)
    expect(await folder.has('absent.json')).toBe(false)
    const made = await mkdtemp(join(tmpdir(), 'folder-'))
    await mkdir(join(made, 'sub'))
    await writeFile(join(made, 'b.txt'), '')
    await symlink('b.txt', join(made, 'a.txt'))
    await symlink('nowhere', join(made, 'c.txt'))
    const other = await openFolder(made)
    expect(await other.list()).toEqual(['a.txt', 'b.txt'])
    expect(await other.has('sub')).toBe(false)
    await rm(made, { recursive: true })
    await expect(other.list()).rejects.toThrow(/the folder cannot be opened.*ENOENT/)
  })

  test('what is missing is named', async () => {
    await expect((await openFolder(path)).open('absent.json')).rejects.toThrow(/absent\.json.*ENOENT/)
    await expect((await openFolder(`${path}/config.json`)).text('x.json')).rejects.toThrow(CheckpointError)
  })

  test.each(['../mamba-a/config.json', '/etc/hostname', '..', '', 'a\\b', 'a\0b'])(
    '%j may not be opened',
    async (name) => {
      const folder = await openFolder(path)
      await expect(folder.open(name)).rejects.toThrow(/may not leave the folder/)
      await expect(folder.has(name)).rejects.toThrow(/may not leave the folder/)
    },
  )
})

test('a folder in memory', async () => {
  const text = new TextEncoder()
  const files = new Map<string, Uint8Array | Blob>([
    ['a.txt', text.encode('alpha')],
    ['b.txt', new Blob(['beta'])],
    ['c.txt', Uint8Array.of(0xff)],
    ['sub/e.txt', Uint8Array.of(1)],
  ])
  const folder = await openFolder(files)
  expect(await folder.text('a.txt')).toBe('alpha')
  expect(await folder.text('b.txt')).toBe('beta')
  expect(await folder.list()).toEqual(['a.txt', 'b.txt', 'c.txt'])
  expect(await folder.has('a.txt')).toBe(true)
  expect(await folder.has('d.txt')).toBe(false)
  await expect(folder.text('c.txt')).rejects.toThrow(/\[c\.txt\].*UTF-8/)
  await expect(folder.open('d.txt')).rejects.toThrow(/\[d\.txt\].*missing/)
})
