/** One file, from the hub into its blob: continued after breaks, and checked before it gets its name. */
import { CheckpointError } from '../../errors.ts'
import { isNode } from '../../platform.ts'
import { clip } from '../json.ts'
import { Staging } from '../source.ts'
import { NetworkError } from './errors.ts'
import { PIECE, verifierOf, type Hasher, type Verifier } from './hash.ts'
import type { Content } from './repository.ts'
import type { Settings } from './settings.ts'
import type { Unfinished } from './store.ts'
import type { Answer, Transport } from './transport.ts'

/** Progress that lets the attempts count anew: a server that breaks after every byte is given up. */
const WORTHWHILE = 2 ** 20

interface Source {
  /** Below the endpoint. */
  readonly path: string
  readonly file: string
  /** What errors call it. */
  readonly where: string
  readonly content: Content
}

/** Loads a file into `blob`, and ends that. */
export async function download(
  source: Source,
  blob: Unfinished,
  transport: Transport,
  settings: Settings,
): Promise<void> {
  const loading = new Download(source, blob, settings)
  try {
    await loading.prepare()
    await transport.persist(source.where, () => loading.attempt(transport), {
      progress: () => Math.floor(loading.received / WORTHWHILE),
    })
  } catch (error) {
    // What went wrong first is what is told.
    await blob.keep().catch(() => undefined)
    throw error
  }
  await loading.finish()
}

class Download {
  received = 0
  readonly #source: Source
  readonly #blob: Unfinished
  readonly #settings: Settings
  readonly #verifier: Verifier | undefined
  #hasher: Hasher | undefined
  /** The ETag of the answer that the last bytes came from: where redirects end, often not the hub's. */
  #served: string | undefined

  constructor(source: Source, blob: Unfinished, settings: Settings) {
    this.#source = source
    this.#blob = blob
    this.#settings = settings
    this.#verifier = verifierOf(source.content.etag, source.content.size)
  }

  /** Takes up what is there from earlier. What cannot be checked in the end is not continued. */
  async prepare(): Promise<void> {
    const { before } = this.#blob
    const { size } = this.#source.content
    if (!this.#verifier || size === undefined || before.size > size) return this.#restart()
    this.#hasher = await this.#verifier.start()
    const staging = new Staging()
    while (this.received < before.size) {
      const end = Math.min(before.size, this.received + PIECE)
      this.#hasher.update(await before.read(this.received, end, staging))
      this.received = end
      this.#settings.signal?.throwIfAborted()
    }
    this.#report()
  }

  async attempt(transport: Transport): Promise<void> {
    const { path, where, content } = this.#source
    if (this.received === content.size) return
    if (!this.#verifier || content.size === undefined) await this.#restart()
    await transport.request(path, where, { headers: this.#range() }, (answer) => this.#take(answer), [416])
  }

  /** Compares the hash; the file gets its name, or is removed. */
  async finish(): Promise<void> {
    const { content, where } = this.#source
    if (!this.#verifier) {
      this.#settings.onWarning(`${where}: the hub gives no hash; the content is not checked`)
      return this.#blob.finish()
    }
    const found = this.#hasher!.digest()
    if (found === content.etag) return this.#blob.finish()
    await this.#blob.discard()
    throw new CheckpointError(`the file is not what the hub announced: wrong ${this.#verifier.name}`, {
      where,
      expected: content.etag,
      found,
      hint: 'It was damaged on the way, and is removed. Try again',
    })
  }

  #range(): Record<string, string> {
    if (this.received === 0) return {}
    const headers: Record<string, string> = { Range: `bytes=${this.received}-` }
    // Other origins would have to allow pages this header. Without it, the hash tells in the end.
    if (isNode && this.#served !== undefined) headers['If-Range'] = this.#served
    return headers
  }

  async #take(answer: Answer): Promise<void> {
    const { where, content } = this.#source
    if (answer.status === 416) {
      await this.#restart()
      throw new NetworkError('the server refuses to continue the transfer', { where, found: 'HTTP 416' })
    }
    await this.#position(answer)
    const etag = answer.headers.get('etag')
    this.#served = etag?.startsWith('"') ? etag : undefined
    const size = content.size ?? lengthOf(answer, where)
    for await (const bytes of answer.body()) {
      if (this.received + bytes.length > size) {
        await this.#restart()
        throw new CheckpointError('the server sends more than was announced', {
          where,
          expected: `${size} bytes`,
        })
      }
      await this.#blob.write(bytes, this.received)
      this.#hasher?.update(bytes)
      this.received += bytes.length
      this.#report()
    }
    if (this.received < size) {
      throw new NetworkError('the transfer ended early', {
        where,
        expected: `${size} bytes`,
        found: this.received,
      })
    }
  }

  /** Sees to it that what comes now belongs after what is there. */
  async #position({ status, headers }: Answer): Promise<void> {
    const { where, content } = this.#source
    if (status !== 206) {
      if (this.received > 0) await this.#restart()
      return
    }
    const range = headers.get('content-range')
    // Other origins may hide the header from pages.
    if (range === null && !isNode && this.received > 0) return
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? '') ?? []
    if (Number(start) === this.received && (total === '*' || Number(total) === content.size)) return
    const expected = `bytes ${this.received}-…/${content.size ?? '*'}`
    await this.#restart()
    throw new NetworkError('the server sends another part than was asked for', {
      where,
      expected,
      found: range === null ? 'no Content-Range' : clip(range),
    })
  }

  async #restart(): Promise<void> {
    await this.#blob.empty()
    this.#hasher = await this.#verifier?.start()
    this.received = 0
    this.#served = undefined
  }

  #report(): void {
    const { file, content } = this.#source
    this.#settings.onProgress?.({ file, received: this.received, total: content.size })
  }
}

/** What a file of unknown length is held to. */
function lengthOf({ headers }: Answer, where: string): number {
  const length = headers.get('content-length')
  if (length !== null && /^\d{1,15}$/.test(length)) return Number(length)
  throw new CheckpointError('the server does not say how long the file is', {
    where,
    expected: 'Content-Length',
  })
}
