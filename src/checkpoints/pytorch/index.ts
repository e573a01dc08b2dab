/** `pytorch_model.bin`: the tensors of a state dict that torch.save wrote. Nothing in the file is run. */
import { CheckpointError } from '../../errors.ts'
import { clip } from '../json.ts'
import { decodeText, sourceOf, type FileLike, type FileSource } from '../source.ts'
import type { StoredTensor } from '../stored.ts'
import { warnOnConsole, type Warn } from '../warn.ts'
import { readLegacy } from './legacy.ts'
import { MAX_PICKLE } from './machine.ts'
import { unpickle } from './unpickle.ts'
import type { Storage, Value } from './values.ts'
import { storedView } from './view.ts'
import { viewsOf } from './weights.ts'
import { openZip, type Range, type Zip } from './zip.ts'

/** `PK\3\4`, as a number. */
const ZIP = 0x04034b50

/** The object in a file, and where its storages stand. */
interface Saved {
  readonly value: Value
  find(storage: Storage): Promise<Range | undefined>
}

/**
 * Reads what a file of torch.save says of its tensors, in the order of the state dict; their elements are
 * read when they are asked for. `name` is what errors call the file. Checksums of an archive are compared
 * when a tensor is first read. `onWarning` is told what else is in the file. Default: `console.warn`.
 *
 * @throws CheckpointError naming file, tensor or global, what was expected and what was found
 */
export async function readPytorch(
  file: FileLike,
  name = 'pytorch_model.bin',
  onWarning: Warn = warnOnConsole,
): Promise<ReadonlyMap<string, StoredTensor>> {
  const source = sourceOf(file)
  const saved = (await isZip(source)) ? await readArchive(source, name) : await readOld(source, name)
  const ranges = new Map<Storage, Range>()
  // Tied parameters are equal views of one storage: they become one tensor.
  const made = new Map<string, StoredTensor>()
  const tensors = new Map<string, StoredTensor>()
  for (const [key, view] of viewsOf(saved.value, name, onWarning)) {
    const where = `${name}: ${clip(key)}`
    const range = ranges.get(view.storage) ?? (await saved.find(view.storage))
    if (!range) {
      throw new CheckpointError('the storage is missing', {
        where,
        expected: `storage ${clip(view.storage.key)}`,
      })
    }
    ranges.set(view.storage, range)
    const { offset, shape, strides } = view
    const place = [view.storage.key, offset, shape.join('x'), strides.join('x')].join(' ')
    const tensor = made.get(place) ?? storedView(view, range, source, where)
    made.set(place, tensor)
    tensors.set(key, tensor)
  }
  return tensors
}

async function isZip(source: FileSource): Promise<boolean> {
  if (source.size < 4) return false
  const bytes = await source.read(0, 4)
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === ZIP
}

async function readOld(source: FileSource, file: string): Promise<Saved> {
  const { value, ranges } = await readLegacy(source, file)
  return { value, find: (storage) => Promise.resolve(ranges.get(storage.key)) }
}

async function readArchive(source: FileSource, file: string): Promise<Saved> {
  const zip = await openZip(source, file)
  const folder = folderOf(zip, file)
  await expectLittle(zip, `${folder}/byteorder`, source, file)
  const { start, length, check } = (await zip.find(`${folder}/data.pkl`))!
  if (length > MAX_PICKLE) {
    throw new CheckpointError('the pickle is too large', {
      where: `${file}: zip record ${clip(folder)}/data.pkl`,
      expected: `at most ${MAX_PICKLE} bytes`,
      found: length,
    })
  }
  await check?.()
  const { value, end } = await unpickle(source, start, start + length, file)
  if (end !== start + length) {
    throw new CheckpointError('bytes after the end of the pickle', {
      where: file,
      expected: start + length,
      found: end,
    })
  }
  return { value, find: (storage) => zip.find(`${folder}/data/${storage.key}`) }
}

/** The folder of an archive that all its records stand in. */
function folderOf(zip: Zip, file: string): string {
  const folders = [...zip.names].flatMap((name) => /^([^/]*)\/data\.pkl$/.exec(name)?.[1] ?? [])
  if (folders.length !== 1) {
    throw new CheckpointError('not an archive of torch.save', {
      where: file,
      expected: 'one record FOLDER/data.pkl',
      found: folders.length,
    })
  }
  return folders[0]
}

async function expectLittle(zip: Zip, record: string, source: FileSource, file: string): Promise<void> {
  const range = await zip.find(record)
  if (!range) return
  const where = `${file}: zip record ${clip(record)}`
  await range.check?.()
  const bytes = await source.read(range.start, range.start + Math.min(range.length, 16))
  const found = decodeText(bytes, where)
  if (found !== 'little')
    throw new CheckpointError('unknown byte order', { where, expected: 'little', found })
}
