import { expect, test } from 'vitest'
import { readTestFile } from './files.ts'

test('files of the repository are read as they are', async () => {
  const bytes = await readTestFile('package.json')
  expect(JSON.parse(new TextDecoder().decode(bytes))).toMatchObject({ name: 'sidewinder' })
})

test('a missing file is an error', async () => {
  await expect(readTestFile('test/fixtures/absent.bin')).rejects.toThrow(/absent/)
})
