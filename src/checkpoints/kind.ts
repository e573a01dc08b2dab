/** What kind of file of weights a file is: its first bytes say it, whatever its name. */
import { CheckpointError } from '../errors.ts'
import type { FileSource } from './source.ts'

export type WeightsKind = 'safetensors' | 'pytorch' | 'gguf'

/** First bytes of files that people take for weights, and what they are. */
const OTHERS: readonly (readonly [start: string, name: string])[] = [
  ['\x1f\x8b', 'a gzip archive'],
  ['BZh', 'a bzip2 archive'],
  ['\xfd7zXZ\x00', 'an xz archive'],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive'],
  ['\x28\xb5\x2f\xfd', 'a zstd archive'],
  ['PK\x05\x06', 'an empty zip archive'],
  ['\x89HDF\r\n', 'an HDF5 file'],
  ['\x93NUMPY', 'a NumPy array'],
]
const PYTORCH = /\.(?:bin|pt|pth|ckpt)$/i
/** Bytes of the start that are looked at. */
const START = 64

/**
 * The kind of `file`, called `name`. Where the first bytes leave it open, the ending of the name decides, so
 * that a damaged file gets the errors of its kind.
 *
 * @throws CheckpointError if the first bytes are those of something else
 */
export async function kindOfWeights(file: FileSource, name: string): Promise<WeightsKind> {
  const bytes = await file.read(0, Math.min(START, file.size))
  const start = new TextDecoder('latin1').decode(bytes)
  if (start.startsWith('GGUF')) return 'gguf'
  // A length can have any bytes: it is looked at before the marks of other formats.
  if (isSafetensors(bytes, file.size)) return 'safetensors'
  if (start.startsWith('PK\x03\x04') || isPickle(bytes)) return 'pytorch'
  const other = textKind(start) ?? OTHERS.find(([magic]) => start.startsWith(magic))?.[1]
  if (other !== undefined) {
    throw new CheckpointError('not a file of weights', {
      where: name,
      expected: 'safetensors, GGUF or a file of torch.save',
      found: other,
    })
  }
  if (PYTORCH.test(name)) return 'pytorch'
  return /\.gguf$/i.test(name) ? 'gguf' : 'safetensors'
}

/** Eight bytes of a length that fits, and an object in JSON. */
function isSafetensors(bytes: Uint8Array, size: number): boolean {
  if (bytes.length < 9 || bytes[8] !== 0x7b) return false
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) <= BigInt(size - 8)
}

/** A pickle of protocol 2 or above, as torch.save wrote it before there were archives. */
const isPickle = ([first, protocol]: Uint8Array): boolean => first === 0x80 && protocol >= 2 && protocol <= 5

/** What text begins like this; undefined for what is no text. */
function textKind(start: string): string | undefined {
  // oxlint-disable-next-line no-control-regex
  if (start.length < 2 || /[\x00-\x08\x0e-\x1f]/.test(start)) return undefined
  const [first] = start.trimStart()
  if (first === '{' || first === '[') return 'JSON text'
  return first === '<' ? 'HTML or XML text' : undefined
}
