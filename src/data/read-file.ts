/**
 * Regular files as bytes, in pieces: what has no end, and what is too large, is refused at once. Node only.
 */
import { ConfigError } from '../errors.ts'
import { open, readFile, stat } from '../platform.ts'

/** Bytes that are read at a time. */
const PIECE = 2 ** 24

/** A file that was looked at before it is read. */
export interface RegularFile {
  readonly path: string
  readonly size: number
}

/**
 * What is at `path`, if it is a regular file, or a link to one: devices, pipes and sockets may never end.
 *
 * @throws ConfigError naming the file
 */
export async function regularFile(path: string, most = Number.POSITIVE_INFINITY): Promise<RegularFile> {
  return reading(path, () => look(path, most))
}

/**
 * All bytes of a regular file of at most so many. What the system refuses is its own error, with a `code`.
 *
 * @throws ConfigError naming a file that is none, or too large
 */
export async function readWhole(path: string, most = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
  await look(path, most)
  return readFile(path)
}

async function look(path: string, most: number): Promise<RegularFile> {
  const found = await stat(path)
  if (!found.isFile()) {
    throw new ConfigError('not a regular file', {
      where: path,
      found: found.isDirectory() ? 'a folder' : 'a device, a pipe or a socket',
      ...(!found.isDirectory() && { hint: 'Put a file with its content in its place' }),
    })
  }
  if (found.size > most) {
    throw new ConfigError('the file is too large', {
      where: path,
      expected: `up to ${most} bytes`,
      found: found.size,
    })
  }
  return { path, size: found.size }
}

/** The bytes of a file, as many as it had when it was looked at. A piece is overwritten by the next one. */
export async function* piecesOf(
  { path, size }: RegularFile,
  piece = PIECE,
): AsyncGenerator<Uint8Array, void, void> {
  const file = await reading(path, () => open(path, 'r'))
  try {
    const buffer = new Uint8Array(Math.min(piece, size))
    for (let done = 0; done < size;) {
      const wanted = Math.min(buffer.length, size - done)
      const { bytesRead } = await reading(path, () => file.read(buffer, 0, wanted, done))
      if (bytesRead === 0) {
        throw new ConfigError('the file became shorter while it was read', {
          where: path,
          expected: `${size} bytes`,
          found: done,
        })
      }
      done += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** All files one after the other in memory of their own; `onPiece` sees each piece. */
export async function readAll(
  files: readonly RegularFile[],
  onPiece: (bytes: Uint8Array) => void = () => {},
  piece = PIECE,
): Promise<Uint8Array<ArrayBuffer>> {
  const total = files.reduce((sum, { size }) => sum + size, 0)
  const all = room(total, files[0].path)
  let at = 0
  for (const file of files) {
    for await (const bytes of piecesOf(file, piece)) {
      all.set(bytes, at)
      at += bytes.length
      onPiece(bytes)
    }
  }
  return all
}

function room(size: number, where: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size)
  } catch (cause) {
    throw new ConfigError('the data are larger than memory can hold in one piece', {
      where,
      found: `${size} bytes`,
      cause,
      hint: 'Train on a part of them',
    })
  }
}

/** What the file system refuses, as an error that names the path. */
export async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    throw new ConfigError(code === 'ENOENT' ? 'no such file or folder' : 'cannot be read', {
      where: path,
      cause,
      ...(code === 'ENOENT' ? {} : { found: code }),
    })
  }
}
