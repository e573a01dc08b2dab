/**
 * The format before PyTorch 1.6: five pickles (a magic number, the version, facts about the machine, the
 * object, the keys of its storages), then for each key the number of elements, 8 bytes, and the elements.
 */
import { CheckpointError } from '../../errors.ts'
import { STORED_TYPES } from '../dtypes.ts'
import { clip } from '../json.ts'
import type { FileSource } from '../source.ts'
import { unpickle, type Unpickled } from './unpickle.ts'
import { List, type Storage, type Value } from './values.ts'
import type { Range } from './zip.ts'

const MAGIC = 0x1950a86a20f9469cfc6cn
const VERSION = 1001

export interface Legacy {
  readonly value: Value
  readonly ranges: ReadonlyMap<string, Range>
}

/** Reads all but the elements. `file` is what errors call it. */
export async function readLegacy(source: FileSource, file: string): Promise<Legacy> {
  let at = 0
  const next = async (): Promise<Unpickled> => {
    const unpickled = await unpickle(source, at, source.size, file)
    at = unpickled.end
    return unpickled
  }
  expectValue('magic number', MAGIC, (await next()).value, file)
  expectValue('version', VERSION, (await next()).value, file)
  const machine = (await next()).value
  expectValue('little_endian', true, machine instanceof Map ? machine.get('little_endian') : undefined, file)
  const { value, storages } = await next()
  const keys = (await next()).value
  if (!(keys instanceof List)) throw new CheckpointError('the list of storages is missing', { where: file })
  return { value, ranges: await findStorages(source, at, keys.items, storages, file) }
}

function expectValue(what: string, expected: Value, found: Value | undefined, file: string): void {
  if (found === expected) return
  throw new CheckpointError(`not a file of torch.save: wrong ${what}`, {
    where: file,
    expected,
    found: ['number', 'bigint', 'boolean'].includes(typeof found) ? found : 'something else',
  })
}

async function findStorages(
  source: FileSource,
  start: number,
  keys: readonly Value[],
  storages: ReadonlyMap<string, Storage>,
  file: string,
): Promise<Map<string, Range>> {
  const ranges = new Map<string, Range>()
  let at = start
  for (const key of keys) {
    const storage = typeof key === 'string' && !ranges.has(key) ? storages.get(key) : undefined
    if (!storage)
      throw new CheckpointError('a storage that no tensor uses, or that stands twice', { where: file })
    const where = `${file}: storage ${clip(storage.key)}`
    const length = storage.length * STORED_TYPES.get(storage.dtype)!.bytes
    const end = at + 8 + length
    if (end > source.size) {
      throw new CheckpointError('the file ends early', {
        where,
        expected: `${end} bytes`,
        found: source.size,
      })
    }
    const header = await source.read(at, at + 8)
    const found = new DataView(header.buffer, header.byteOffset).getBigInt64(0, true)
    if (found !== BigInt(storage.length)) {
      throw new CheckpointError('wrong number of elements', { where, expected: storage.length, found })
    }
    ranges.set(storage.key, { start: at + 8, length })
    at = end
  }
  if (at !== source.size) {
    throw new CheckpointError('bytes after the last storage', {
      where: file,
      expected: at,
      found: source.size,
    })
  }
  return ranges
}
