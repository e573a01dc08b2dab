/** Names that come from outside, before they become parts of addresses and paths. */
import { CheckpointError } from '../../errors.ts'
import { clip } from '../json.ts'

/** A model on a hub: `organisation/name`, and a revision. */
export interface HubId {
  /** `org/name` */
  readonly repository: string
  /** A branch, a tag, `refs/pr/1`, or a commit hash. */
  readonly revision: string
}

const COMMIT = /^[0-9a-f]{40}$/
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/
/**
 * Printable ASCII, less what git forbids in the name of a reference, and what means something in an address.
 */
const REVISION = /^(?:(?![~^:?*[\\%#])[!-~]){1,255}$/

/**
 * `org/name` or `org/name@revision` in its parts; undefined for anything else. The default revision is
 * `main`.
 */
export function parseHubId(id: string): HubId | undefined {
  const at = id.indexOf('@')
  const repository = at < 0 ? id : id.slice(0, at)
  const revision = at < 0 ? 'main' : id.slice(at + 1)
  return isRepository(repository) && isRevision(revision) ? { repository, revision } : undefined
}

/** The rules of the hub. `--` stands for `/` in the names of cache folders, so that no name has it. */
function isRepository(repository: string): boolean {
  const names = repository.split('/')
  if (names.length !== 2 || repository.length > 96 || repository.endsWith('.git')) return false
  return names.every((name) => NAME.test(name) && !name.includes('--') && !name.includes('..'))
}

function isRevision(revision: string): boolean {
  if (!REVISION.test(revision) || revision.includes('..') || revision.includes('@{')) return false
  return revision
    .split('/')
    .every((part) => part !== '' && !part.startsWith('.') && !part.startsWith('-') && !part.endsWith('.'))
}

/** True for the hash of a commit: what it names never changes. */
export const isCommit = (revision: string): boolean => COMMIT.test(revision)

/** Refuses a path that could lead out of the folder of its repository. */
export function checkPath(path: string, where: string): string {
  const parts = path.split('/')
  const inside = parts.every((part) => part !== '' && part !== '.' && part !== '..')
  // oxlint-disable-next-line no-control-regex
  if (inside && !/[\\\0-\x1f\x7f]/.test(path) && path.length <= 1024) return path
  throw new CheckpointError('the repository lists a file name that may not be', {
    where,
    expected: 'a path inside the repository',
    found: JSON.stringify(clip(path)),
  })
}
