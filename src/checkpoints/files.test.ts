import { describe, expect, test } from 'vitest'
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

  test('what is missing is named', async () => {
    await expect((await openFolder(path)).open('absent.json')).rejects.toThrow(/absent\.json.*ENOENT/)
    await expect((await openFolder(`${path}/config.json`)).text('x.json')).rejects.toThrow(CheckpointError)
  })

  test.each(['../mamba-a/config.json', '/etc/hostname', '..', '', 'a\\b', 'a\0b'])(
    '%j may not be opened',
    async (name) => {
      await expect((await openFolder(path)).open(name)).rejects.toThrow(/may not leave the folder/)
    },
  )
})

test('a folder in memory', async () => {
  const text = new TextEncoder()
  const files = new Map<string, Uint8Array | Blob>([
    ['a.txt', text.encode('alpha')],
    ['b.txt', new Blob(['beta'])],
    ['c.txt', Uint8Array.of(0xff)],
  ])
  const folder = await openFolder(files)
  expect(await folder.text('a.txt')).toBe('alpha')
  expect(await folder.text('b.txt')).toBe('beta')
  await expect(folder.text('c.txt')).rejects.toThrow(/\[c\.txt\].*UTF-8/)
  await expect(folder.open('d.txt')).rejects.toThrow(/\[d\.txt\].*missing/)
})
