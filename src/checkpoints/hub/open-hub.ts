/** A repository of a hub as a folder: files are loaded when they are first opened, checked, and kept. */
import { CheckpointError, ConfigError } from '../../errors.ts'
import { isNode } from '../../platform.ts'
import { folderOf, type Folder } from '../files.ts'
import { clip } from '../json.ts'
import type { FileSource } from '../source.ts'
import { download } from './download.ts'
import { NetworkError } from './errors.ts'
import { hashOf, verifierOf } from './hash.ts'
import { isCommit, parseHubId, type HubId } from './id.ts'
import { Repository, type Content, type Listing } from './repository.ts'
import { settle, type HubOptions, type Settings } from './settings.ts'
import type { Store } from './store.ts'
import { Transport } from './transport.ts'

/**
 * Opens `org/name` or `org/name@revision`. A commit hash asks nobody about files that are cached; any other
 * revision is resolved by one request first, or from the cache, with a warning, if the hub cannot be reached.
 *
 * @throws CheckpointError, ConfigError naming repository and file, what was expected and what was found
 */
export async function openHub(id: string, options: HubOptions = {}): Promise<Folder> {
  const parsed = parseHubId(id)
  if (!parsed) {
    throw new ConfigError('not the name of a repository', {
      where: clip(id),
      expected: 'org/name or org/name@revision',
    })
  }
  const settings = await settle(options)
  const store = await openStore(settings.cache, parsed.repository)
  const hub = new Hub(parsed, store, settings)
  await hub.resolve()
  return folderOf({
    open: (name) => hub.open(name),
    list: () => hub.list(),
    has: (name) => hub.has(name),
    absence: (name) => hub.absence(name),
  })
}

async function openStore(cache: string, repository: string): Promise<Store> {
  if (!isNode) return (await import('./opfs.ts')).openOpfs(cache, repository)
  return (await import('./disk.ts')).openDisk(cache, repository)
}

class Hub {
  readonly #store: Store
  readonly #settings: Settings
  readonly #transport: Transport
  readonly #repository: Repository
  #commit = ''
  #listing: Listing | undefined
  /** Why the hub is not asked. */
  #offline: { readonly cause?: unknown } | undefined

  constructor(id: HubId, store: Store, settings: Settings) {
    this.#store = store
    this.#settings = settings
    this.#transport = new Transport(settings)
    this.#repository = new Repository(id, this.#transport)
    if (settings.offline) this.#offline = {}
  }

  /** Finds the commit. */
  async resolve(): Promise<void> {
    const { revision } = this.#repository.id
    const resolved = isCommit(revision) ? revision : (await this.#online())?.commit
    const commit = this.#offline ? await this.#cachedCommit() : resolved
    if (commit === undefined) throw this.#notCached('a snapshot')
    this.#commit = commit
  }

  async list(): Promise<string[]> {
    const listing = await this.#online()
    if (!listing) return this.#store.names(this.#commit)
    return [...listing.files.keys()].filter((path) => !path.includes('/')).toSorted()
  }

  async has(name: string): Promise<boolean> {
    if (await this.#cached(name)) return true
    return (await this.#online())?.files.has(name) ?? false
  }

  async open(name: string): Promise<FileSource> {
    const cached = await this.#cached(name)
    if (cached) return this.#checked(name, cached)
    const listing = await this.#online()
    if (!listing) throw this.#notCached(name)
    const where = `${this.#repository.where}: ${name}`
    if (!listing.files.has(name)) throw new CheckpointError('the repository has no such file', { where })
    const content = listing.files.get(name) ?? (await this.#repository.describe(this.#commit, name))
    await this.#store.exclusively(
      content.etag,
      () => this.#load(name, content, where),
      this.#settings.signal,
      () => this.#settings.onWarning(`${where}: waits for another process that loads it`),
    )
    const source = await this.#store.open(this.#commit, name)
    if (!source) throw new CheckpointError('the file vanished from the cache', { where: this.#store.where })
    return source
  }

  async #load(file: string, content: Content, where: string): Promise<void> {
    const size = await this.#store.blobSize(content.etag)
    if (size === undefined || (content.size !== undefined && size !== content.size)) {
      const source = { path: this.#repository.path(this.#commit, file), file, where, content }
      await download(source, await this.#store.unfinished(content.etag), this.#transport, this.#settings)
      await this.#store.markChecked(content.etag)
    }
    await this.#store.link(this.#commit, file, content.etag)
  }

  /** Why a file that is not cached may exist all the same. */
  async absence(name: string): Promise<CheckpointError | undefined> {
    const known = !this.#offline || (await this.#store.isAbsent(this.#commit, name))
    return known ? undefined : this.#notCached(name)
  }

  /**
   * The file, compared with the hash that is its name. That is done once for what this or another program
   * loaded, and again when the file was written since.
   */
  async #checked(name: string, source: FileSource): Promise<FileSource> {
    const etag = await this.#store.blobOf(this.#commit, name)
    const verifier = etag === undefined ? undefined : verifierOf(etag, source.size)
    if (etag === undefined || !verifier || (await this.#store.isChecked(etag))) return source
    const found = await hashOf(source, verifier, this.#settings.signal)
    if (found !== etag) {
      throw new CheckpointError(`the file in the cache is damaged: wrong ${verifier.name}`, {
        where: `${this.#repository.where}: ${name}`,
        expected: etag,
        found,
        hint: `Remove ${this.#store.where}/blobs/${etag}, and load it again`,
      })
    }
    await this.#store.markChecked(etag)
    return source
  }

  /** A file of the snapshot, if it is as long as the hub says. */
  async #cached(name: string): Promise<FileSource | undefined> {
    const source = await this.#store.open(this.#commit, name)
    const size = this.#listing?.files.get(name)?.size
    return size === undefined || source?.size === size ? source : undefined
  }

  /** What the hub lists; undefined if it is not asked, or cannot be reached and something is cached. */
  async #online(): Promise<Listing | undefined> {
    if (this.#listing || this.#offline) return this.#listing
    const { revision } = this.#repository.id
    const cached = await this.#cachedCommit()
    try {
      // Nobody is kept waiting for a hub that is not needed.
      this.#listing = await this.#repository.list(cached === undefined ? undefined : 1)
    } catch (error) {
      if (!(error instanceof NetworkError) || cached === undefined) throw error
      this.#offline = { cause: error }
      this.#settings.onWarning(`the cached ${cached} is taken: ${error.message}`)
      return undefined
    }
    const { commit } = this.#listing
    if (!isCommit(revision) && cached !== commit) await this.#store.writeRef(revision, commit)
    return this.#listing
  }

  /** The commit of the revision as far as the cache knows, if a file of it is cached. */
  async #cachedCommit(): Promise<string | undefined> {
    const { revision } = this.#repository.id
    const commit = isCommit(revision) ? revision : await this.#store.readRef(revision)
    return commit !== undefined && (await this.#store.names(commit)).length > 0 ? commit : undefined
  }

  #notCached(what: string): CheckpointError {
    return new CheckpointError('not in the cache, and the hub is not asked', {
      where: this.#repository.where,
      expected: `${what} in ${this.#store.where}`,
      ...this.#offline,
      hint:
        this.#offline?.cause === undefined
          ? 'Load it once without HF_HUB_OFFLINE or offline'
          : 'Try again later',
    })
  }
}
