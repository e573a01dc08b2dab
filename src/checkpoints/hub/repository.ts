/** What a hub says about a repository: the commit of a revision, its files, their sizes and hashes. */
import { CheckpointError } from '../../errors.ts'
import { clip, isJsonObject, parseJson } from '../json.ts'
import { decodeText } from '../source.ts'
import { checkPath, isCommit, type HubId } from './id.ts'
import type { Answer, Transport } from './transport.ts'

/** A repository of a hundred thousand files takes less. */
const MAX_LISTING = 32 * 2 ** 20
/** What may stand as the name of a blob. */
const ETAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/

/** The content of a file, as the hub announces it. */
export interface Content {
  /**
   * The name of its blob: SHA-256 of a large file, git's SHA-1 of a small one; of no known meaning at some
   * mirrors.
   */
  readonly etag: string
  readonly size: number | undefined
}

export interface Listing {
  readonly commit: string
  /** By path. The content is undefined where the hub did not tell. */
  readonly files: ReadonlyMap<string, Content | undefined>
}

export class Repository {
  readonly id: HubId
  /** What errors call it. */
  readonly where: string
  readonly #transport: Transport

  constructor(id: HubId, transport: Transport) {
    this.id = id
    this.where = `${id.repository}@${id.revision}`
    this.#transport = transport
  }

  /** The revision's commit and files, in one request. */
  async list(attempts?: number): Promise<Listing> {
    const path = `/api/models/${this.id.repository}/revision/${encodeURIComponent(this.id.revision)}?blobs=true`
    return this.#transport.persist(
      this.where,
      () =>
        this.#transport.request(
          path,
          this.where,
          { headers: { Accept: 'application/json' } },
          async (answer) => this.#parse(decodeText(await readAll(answer, this.where), this.where)),
        ),
      attempts === undefined ? {} : { attempts },
    )
  }

  /** Asks for a file's content where the listing lacks it. */
  async describe(commit: string, file: string): Promise<Content> {
    const where = `${this.where}: ${file}`
    const path = this.path(commit, file)
    return this.#transport.persist(where, () =>
      this.#transport.request(
        path,
        where,
        { method: 'HEAD', isAnswer: tellsContent },
        async ({ headers }) => {
          const etag = headers.get('x-linked-etag') ?? headers.get('etag')
          const size = headers.get('x-linked-size') ?? headers.get('content-length')
          return contentOf(
            etag?.replace(/^(?:W\/)?"(.*)"$/, '$1'),
            size === null ? undefined : Number(size),
            where,
          )
        },
      ),
    )
  }

  /** Where a file is, below the endpoint. */
  path(commit: string, file: string): string {
    return `/${this.id.repository}/resolve/${commit}/${file.split('/').map(encodeURIComponent).join('/')}`
  }

  #parse(text: string): Listing {
    const { where } = this
    const fail = (rule: string, offset: number): never => {
      throw new CheckpointError(`the hub's answer is not JSON: ${rule} at character ${offset}`, { where })
    }
    const answer = parseJson(text, { fail })
    const { sha, siblings } = isJsonObject(answer) ? answer : {}
    const { revision } = this.id
    if (typeof sha !== 'string' || !isCommit(sha) || (isCommit(revision) && sha !== revision)) {
      throw new CheckpointError("the hub's answer names no commit", {
        where,
        expected: isCommit(revision) ? revision : 'sha: 40 hexadecimal digits',
        found: typeof sha === 'string' ? clip(sha) : typeof sha,
      })
    }
    if (!Array.isArray(siblings)) {
      throw new CheckpointError("the hub's answer lists no files", { where, expected: 'siblings: a list' })
    }
    return { commit: sha, files: new Map(siblings.map((sibling) => fileOf(sibling, where))) }
  }
}

/** The hub's redirect to where a large file is: the hash and the size stand here, not there. */
const tellsContent = (response: Response): boolean => response.headers.has('x-linked-etag')

function fileOf(sibling: unknown, where: string): [path: string, content: Content | undefined] {
  if (!isJsonObject(sibling) || typeof sibling['rfilename'] !== 'string') {
    throw new CheckpointError('the hub lists a file without a name', { where, expected: 'rfilename: a text' })
  }
  const path = checkPath(sibling['rfilename'], where)
  const { lfs, blobId, size } = sibling
  const etag = isJsonObject(lfs) ? lfs['sha256'] : blobId
  const bytes = isJsonObject(lfs) ? (lfs['size'] ?? size) : size
  if (typeof etag !== 'string' || typeof bytes !== 'number') return [path, undefined]
  return [path, contentOf(etag, bytes, `${where}: ${clip(path)}`)]
}

function contentOf(etag: string | undefined, size: number | undefined, where: string): Content {
  if (etag === undefined || !ETAG.test(etag)) {
    throw new CheckpointError('the hub gives no usable ETag', {
      where,
      expected: 'a hash',
      found: etag === undefined ? 'none' : JSON.stringify(clip(etag)),
    })
  }
  if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
    throw new CheckpointError('the hub gives an impossible size', { where, found: size })
  }
  return { etag, size }
}

async function readAll(answer: Answer, where: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of answer.body()) {
    length += piece.length
    if (length > MAX_LISTING) {
      throw new CheckpointError("the hub's answer is too long", {
        where,
        expected: `at most ${MAX_LISTING} bytes`,
      })
    }
    pieces.push(piece)
  }
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
