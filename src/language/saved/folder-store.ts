import { check, word } from '../../check.ts'
import { readWhole } from '../../data/read-file.ts'
import { CheckpointError } from '../../errors.ts'
import { join } from '../../platform.ts'
import {
  expectKey,
  readStoreOptions,
  seal,
  unseal,
  type PrefixStore,
  type StoreOptions,
} from './prefix-store.ts'

/**
 * Keeps states as files of a folder, which is made if it is not there. Damaged ones count as absent, and are
 * removed with a warning; nothing else is ever removed. Node only.
 */
export function folderStore(path: string, options: StoreOptions = {}): PrefixStore {
  const { onWarning = (message) => console.warn(message) } = readStoreOptions(options, 'folderStore')
  check(path, word('the name of a folder'), 'folderStore')
  const file = (key: string): string => join(path, `${key}.state`)
  return {
    warn: onWarning,
    async get(key) {
      expectKey(key)
      const name = file(key)
      const stored = await readWhole(name).catch((cause: unknown) => {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        const found = cause instanceof Error ? cause.message : String(cause)
        throw new CheckpointError('the stored state cannot be read', { where: name, found, cause })
      })
      if (!stored) return undefined
      const bytes = unseal(stored)
      if (bytes) return bytes
      onWarning(`${name} is damaged; it is removed`)
      // Another process may write it anew meanwhile: what is whole stays.
      const { removeIf } = await import('../../checkpoints/atomic.ts')
      await removeIf(async (aside) => !unseal(await readWhole(aside)), name)
      return undefined
    },
    async set(key, bytes) {
      expectKey(key)
      const { makeFolder, writeAtomically } = await import('../../checkpoints/atomic.ts')
      await makeFolder(path)
      await writeAtomically(file(key), seal(bytes))
    },
  }
}
