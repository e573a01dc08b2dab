/** Requests to a hub: redirects, silence, and trying again. */
import { CheckpointError } from '../../errors.ts'
import { isNode } from '../../platform.ts'
import { NetworkError, statusError } from './errors.ts'
import type { Settings } from './settings.ts'

const MAX_REDIRECTS = 10
/** A server that asks to wait longer than this is not waited for. */
const MAX_WAIT = 60_000

export interface Request {
  readonly method?: 'GET' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  /** A redirect that is itself the answer. */
  readonly isAnswer?: (response: Response) => boolean
}

/** An answer whose body is still to come. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The body in pieces. Each may take as long as the server may be silent. */
  body(): AsyncGenerator<Uint8Array, void>
}

export class Transport {
  readonly #settings: Settings

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /**
   * Makes one request to a path of the hub, and gives the answer to `use`. `where` is what errors call it.
   * Statuses other than success are errors, but for those that `expected` has.
   */
  async request<T>(
    path: string,
    where: string,
    request: Request,
    use: (answer: Answer) => Promise<T>,
    expected: readonly number[] = [],
  ): Promise<T> {
    this.#settings.signal?.throwIfAborted()
    const watch = new Watch(this.#settings, where)
    try {
      const response = await this.#follow(`${this.#settings.endpoint}${path}`, request, watch)
      const fits = response.ok || expected.includes(response.status) || request.isAnswer?.(response)
      if (!fits) throw statusError(response, where)
      return await use({
        status: response.status,
        headers: response.headers,
        body: () => watch.pieces(response),
      })
    } finally {
      watch.end()
    }
  }

  /**
   * Repeats what failed on the network, later each time. Progress, if `progress` tells of any, starts the
   * count anew.
   */
  async persist<T>(
    where: string,
    attempt: () => Promise<T>,
    { attempts = this.#settings.attempts, progress = (): number => 0 } = {},
  ): Promise<T> {
    let seen = progress()
    for (let failed = 0; ;) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error
        failed = progress() > seen ? 1 : failed + 1
        seen = Math.max(seen, progress())
        const wait = Math.max(error.wait ?? 0, this.#settings.delay * 2 ** (failed - 1))
        if (failed >= attempts || wait > MAX_WAIT) throw gaveUp(error, where, failed)
        await sleep(wait, this.#settings.signal)
      }
    }
  }

  async #follow(start: string, request: Request, watch: Watch): Promise<Response> {
    const { token } = this.#settings
    let url = new URL(start)
    const headers: Record<string, string> = { ...request.headers }
    // Lengths and ranges are those of the file, not of a compressed form of it. (Browsers ignore this.)
    headers['Accept-Encoding'] = 'identity'
    if (token !== undefined) headers['Authorization'] = `Bearer ${token}`
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const response = await this.#fetch(url, request, headers, watch)
      if (request.isAnswer?.(response)) return response
      const location = response.headers.get('location')
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response
      const next = nextUrl(url, location, watch.where)
      if (next.origin !== url.origin) delete headers['Authorization']
      url = next
      await response.body?.cancel()
    }
    throw new CheckpointError('too many redirects', {
      where: watch.where,
      expected: `at most ${MAX_REDIRECTS}`,
    })
  }

  async #fetch(
    url: URL,
    request: Request,
    headers: Readonly<Record<string, string>>,
    watch: Watch,
  ): Promise<Response> {
    const send = (redirect: RequestRedirect): Promise<Response> =>
      watch.during(
        this.#settings.fetch(url.href, {
          method: request.method ?? 'GET',
          headers,
          redirect,
          signal: watch.signal,
          credentials: 'omit',
        }),
      )
    const response = await send('manual')
    // Pages may not look at redirects. Browsers drop Authorization at other origins themselves.
    return !isNode && response.type === 'opaqueredirect' ? send('follow') : response
  }
}

function nextUrl(from: URL, location: string, where: string): URL {
  const next = URL.canParse(location, from) ? new URL(location, from) : undefined
  if (next && (next.protocol === 'https:' || next.protocol === from.protocol)) return next
  throw new CheckpointError('a redirect leads where it may not', {
    where,
    expected: from.protocol === 'https:' ? 'an https address' : 'an http or https address',
    found: next ? `${next.protocol}//${next.host}` : 'no address',
  })
}

function gaveUp(error: NetworkError, where: string, attempts: number): NetworkError {
  return new NetworkError(`given up after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`, {
    where,
    found: error.message,
    cause: error,
    hint:
      error.wait === undefined
        ? 'What was loaded is kept: the next try continues'
        : `The server asks to wait ${Math.ceil(error.wait / 1000)} seconds`,
  })
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal!.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}

/** Bounds the silence within one request, and ends the request with it. */
class Watch {
  readonly where: string
  readonly signal: AbortSignal
  readonly #settings: Settings
  readonly #controller = new AbortController()

  constructor(settings: Settings, where: string) {
    this.where = where
    this.#settings = settings
    const { signal } = this.#controller
    this.signal = settings.signal ? AbortSignal.any([settings.signal, signal]) : signal
  }

  /** Waits for what the network gives. A break or too long a silence is a NetworkError. */
  async during<T>(work: Promise<T>): Promise<T> {
    const { timeout, signal } = this.#settings
    const ended = new AbortController()
    const late = new Promise<never>((_, reject) => {
      const timer = setTimeout(() => reject(this.#silent()), timeout)
      ended.signal.addEventListener('abort', () => clearTimeout(timer))
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { signal: ended.signal })
    })
    try {
      return await Promise.race([work, late])
    } catch (cause) {
      signal?.throwIfAborted()
      if (cause instanceof NetworkError) throw cause
      throw new NetworkError('the connection failed', { where: this.where, cause, found: reasonOf(cause) })
    } finally {
      ended.abort()
    }
  }

  #silent(): NetworkError {
    const found = `nothing for ${this.#settings.timeout} ms`
    return new NetworkError('the server is silent', { where: this.where, found })
  }

  async *pieces(response: Response): AsyncGenerator<Uint8Array, void> {
    const reader = response.body?.getReader()
    if (!reader) return
    for (;;) {
      const { done, value } = await this.during(reader.read())
      if (done) return
      yield value
    }
  }

  end(): void {
    this.#controller.abort()
  }
}

/** `fetch` hides what happened in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
