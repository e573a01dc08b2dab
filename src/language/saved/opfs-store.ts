import { check, word } from '../../check.ts'
import { DeviceError } from '../../errors.ts'
import {
  expectKey,
  readStoreOptions,
  seal,
  unseal,
  type PrefixStore,
  type StoreOptions,
} from './prefix-store.ts'

/**
 * Keeps states in a folder of the page's own file system. A file appears once it is written whole. Damaged
 * ones count as absent, and are removed with a warning. Browsers only.
 */
export function opfsStore(name: string, options: StoreOptions = {}): PrefixStore {
  const { onWarning = (message) => console.warn(message) } = readStoreOptions(options, 'opfsStore')
  check(name, word('the name of a folder'), 'opfsStore')
  const open = async (): Promise<FileSystemDirectoryHandle> => {
    if (!globalThis.navigator?.storage?.getDirectory) {
      throw new DeviceError('no file system for pages here', {
        where: 'opfsStore',
        hint: 'Use folderStore in Node',
      })
    }
    return (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true })
  }
  return {
    warn: onWarning,
    async get(key) {
      expectKey(key)
      const folder = await open()
      const handle = await folder.getFileHandle(`${key}.state`).catch((cause: unknown) => {
        if (cause instanceof DOMException && cause.name === 'NotFoundError') return undefined
        throw cause
      })
      if (!handle) return undefined
      const stored = await handle.getFile()
      // Another tab is writing it, or was closed before it had.
      if (stored.size === 0) return undefined
      const bytes = unseal(new Uint8Array(await stored.arrayBuffer()))
      if (bytes) return bytes
      onWarning(`${name}/${key}.state is damaged; it is removed`)
      await folder.removeEntry(`${key}.state`)
      return undefined
    },
    async set(key, bytes) {
      expectKey(key)
      const handle = await (await open()).getFileHandle(`${key}.state`, { create: true })
      // What is written becomes the file's content when the stream is closed, not before.
      const file = await handle.createWritable()
      try {
        await file.write(seal(bytes))
        await file.close()
      } catch (error) {
        await file.abort().catch(() => undefined)
        throw error
      }
    },
  }
}
