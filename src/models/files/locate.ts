/** Where the files of a model are: on disk, in memory, at an address, or on a hub. */
import { openFolder, type Folder } from '../../checkpoints/files.ts'
import { parseHubId } from '../../checkpoints/hub/id.ts'
import { someOf, type Warn } from '../../checkpoints/warn.ts'
import { CheckpointError } from '../../errors.ts'
import { isNode, readdir, stat } from '../../platform.ts'
import { givenSource, type ModelSource } from './given.ts'
import type { SourceOptions } from './open.ts'

/** The files of a model, wherever they are. */
export interface Located {
  readonly folder: Folder
  readonly file: string | undefined
  readonly where: string
}

/**
 * Finds the files of a model. The hub is asked only for `owner/name` where `owner` is no folder here: a
 * mistyped run folder is no model of the hub.
 *
 * @throws CheckpointError that says where was looked
 */
export async function locate(
  given: ModelSource,
  { file, hub, signal }: SourceOptions,
  warn: Warn,
): Promise<Located> {
  signal?.throwIfAborted()
  const source = givenSource(given)
  if (source instanceof URL) {
    const { openWebFolder } = await import('../../checkpoints/web.ts')
    const name = decodeURIComponent(source.pathname.slice(source.pathname.lastIndexOf('/') + 1))
    return { folder: openWebFolder(source, { signal, warn }), file: name || file, where: source.href }
  }
  if (typeof source !== 'string') return { folder: await openFolder(source), file, where: 'files' }
  const kind = await kindOnDisk(source)
  if (kind === 'folder') return { folder: await openFolder(source), file, where: source }
  if (kind === 'file') {
    const [, parent, name] = /^(.*?)([^/\\]+)$/.exec(source)!
    return { folder: await openFolder(parent === '' ? '.' : parent), file: name, where: source }
  }
  if (!parseHubId(source)) {
    throw new CheckpointError('no such model', {
      where: source,
      expected: 'a folder, a file, or a hub id such as state-spaces/mamba-130m-hf',
    })
  }
  const { openHub } = await import('../../checkpoints/hub/index.ts')
  const [owner] = source.split('/')
  if (!source.includes('@') && (await kindOnDisk(owner)) === 'folder') {
    throw new CheckpointError('no such model', {
      where: source,
      expected: `a folder or a file in ${owner}, which is a folder here`,
      found: `${someOf(await entriesOf(owner))} there`,
      hint: `The hub was not asked. If a model of the hub is meant, say so with ${source}@main`,
    })
  }
  const ends = signal && { signal: eitherOf(signal, hub?.signal) }
  const folder = await openHub(source, { onWarning: warn, ...hub, ...ends }).catch((cause: unknown) => {
    if (!(cause instanceof CheckpointError) || !isNode) throw cause
    throw new CheckpointError('no such model', {
      where: source,
      expected: 'a folder or a file here, or a model of the hub',
      found: `no file here, and of the hub: ${cause.message}`,
      cause,
    })
  })
  return { folder, file, where: source }
}

const eitherOf = (first: AbortSignal, second: AbortSignal | undefined): AbortSignal =>
  second ? AbortSignal.any([first, second]) : first

async function entriesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.length === 0 ? ['nothing'] : names.toSorted((a, b) => (a < b ? -1 : 1))
}

async function kindOnDisk(path: string): Promise<'folder' | 'file' | undefined> {
  if (!isNode) return undefined
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ? 'folder' : found?.isFile() ? 'file' : undefined
}
