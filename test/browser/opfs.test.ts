import { expect, test } from 'vitest'
import { ConfigError } from '../../src/errors.ts'
import { opfsStore } from '../../src/language/saved/opfs-store.ts'

const KEY = 'c'.repeat(64)

test('the file system of the page: what was stored is there, damaged files are removed', async () => {
  const warnings: string[] = []
  const name = 'sidewinder-test-prefixes'
  const store = opfsStore(name, { onWarning: (message) => warnings.push(message) })
  expect(await store.get(KEY)).toBeUndefined()
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i)
  await store.set(KEY, bytes)
  expect(await opfsStore(name).get(KEY)).toEqual(bytes)
  await expect(store.get('../secret')).rejects.toThrow(ConfigError)

  const root = await navigator.storage.getDirectory()
  const handle = await (await root.getDirectoryHandle(name)).getFileHandle(`${KEY}.state`)
  const file = await handle.createWritable({ keepExistingData: true })
  await file.write({ type: 'write', position: 500, data: Uint8Array.of(1, 2, 3) })
  await file.close()
  expect(await store.get(KEY)).toBeUndefined()
  expect(warnings).toHaveLength(1)
  expect(await store.get(KEY)).toBeUndefined()
  expect(warnings).toHaveLength(1)
  await root.removeEntry(name, { recursive: true })
})
