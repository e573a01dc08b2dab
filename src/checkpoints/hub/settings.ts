/** What a caller, the environment and the files of the Python client say about the hub. */
import { abortSignal, between, callback, flag, optionsOf, text, whole } from '../../check.ts'
import { ConfigError } from '../../errors.ts'
import { readWhole } from '../../data/read-file.ts'
import { homedir, isNode } from '../../platform.ts'
import { clip } from '../json.ts'

/** How far the download of a file is. */
export interface DownloadProgress {
  /** Its path in the repository. */
  readonly file: string
  /** Bytes there are, those from an earlier try among them. */
  readonly received: number
  /** Bytes of the whole file, if the server says. */
  readonly total: number | undefined
}

/** How models are found on a hub and kept in the cache. */
export interface HubOptions {
  /** Default: HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string
  /**
   * For private and gated repositories. Default: HF_TOKEN, else the token that the Python client has stored.
   */
  readonly token?: string
  /**
   * A folder with the layout of the Python client. Default in Node: HF_HUB_CACHE, else HF_HOME/hub, else
   * XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub. In browsers: `huggingface/hub` in the
   * page's private files.
   */
  readonly cache?: string
  /** Takes what is cached and asks nobody. Default: HF_HUB_OFFLINE, else TRANSFORMERS_OFFLINE. */
  readonly offline?: boolean
  /** What requests are made with. Default: the `fetch` of the platform. */
  readonly fetch?: typeof fetch
  /** Is told while a file comes. */
  readonly onProgress?: (progress: DownloadProgress) => void
  /** Default: console.warn. */
  readonly onWarning?: (text: string) => void
  /** Ends the download: the reason of the signal is thrown. What has come is kept for the next try. */
  readonly signal?: AbortSignal
  /** Milliseconds that the server may be silent. Default: 30 seconds. */
  readonly timeout?: number
  /** How often a request is made before it is given up. Default: 5. */
  readonly attempts?: number
  /** Milliseconds before the second attempt; twice as long before each further one. Default: 500. */
  readonly delay?: number
}

const readOptions = optionsOf<HubOptions>({
  endpoint: text,
  token: text,
  cache: text,
  offline: flag,
  fetch: callback,
  onProgress: callback,
  onWarning: callback,
  signal: abortSignal,
  timeout: between(1, 2 ** 31 - 1),
  attempts: whole(1, 2 ** 31 - 1),
  delay: between(0, 2 ** 31 - 1),
})

export interface Settings extends HubOptions {
  /** Without a slash at the end. */
  readonly endpoint: string
  readonly cache: string
  readonly offline: boolean
  readonly fetch: typeof fetch
  readonly onWarning: (text: string) => void
  readonly timeout: number
  readonly attempts: number
  readonly delay: number
}

export async function settle(given: HubOptions): Promise<Settings> {
  const options = readOptions(given, 'hub')
  const token = checkToken(options.token ?? variable('HF_TOKEN') ?? (await storedToken()))
  return {
    ...options,
    endpoint: checkEndpoint(options.endpoint ?? variable('HF_ENDPOINT') ?? 'https://huggingface.co'),
    cache: options.cache === undefined ? defaultCache() : expandHome(options.cache),
    offline: options.offline ?? isOn(variable('HF_HUB_OFFLINE') ?? variable('TRANSFORMERS_OFFLINE')),
    // Called as a function of its own: browsers refuse `fetch` as a method of another object.
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    onWarning: options.onWarning ?? ((text) => console.warn(text)),
    timeout: options.timeout ?? 30_000,
    attempts: options.attempts ?? 5,
    delay: options.delay ?? 500,
    ...(token === undefined ? {} : { token }),
  }
}

function variable(name: string): string | undefined {
  return (isNode ? process.env[name]?.trim() : undefined) || undefined
}

function checkEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  const plain = url && !url.username && !url.password && !url.search && !url.hash
  if (plain && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, '')
  throw new ConfigError('not the address of a hub', {
    where: 'endpoint',
    expected: 'https://host, without user, query and fragment',
    found: url ? `${url.protocol}//${url.host}${url.pathname}` : clip(endpoint),
  })
}

/** What is wrong with a token is said without the token. */
function checkToken(token: string | undefined): string | undefined {
  if (token === undefined || /^[\u0021-\u007e]{1,4096}$/.test(token)) return token
  throw new ConfigError('not a token', { where: 'token', expected: 'printable ASCII without spaces' })
}

async function storedToken(): Promise<string | undefined> {
  if (!isNode) return undefined
  const path = expand(variable('HF_TOKEN_PATH') ?? `${home()}/token`)
  const text = await readWhole(path, 2 ** 16).then(
    (bytes) => new TextDecoder().decode(bytes),
    () => '',
  )
  return text.trim() || undefined
}

function defaultCache(): string {
  if (!isNode) return 'huggingface/hub'
  return expand(variable('HF_HUB_CACHE') ?? variable('HUGGINGFACE_HUB_CACHE') ?? `${home()}/hub`)
}

function home(): string {
  return variable('HF_HOME') ?? `${variable('XDG_CACHE_HOME') ?? '~/.cache'}/huggingface`
}

const isOn = (value = ''): boolean => /^(1|on|yes|true)$/i.test(value)

/** A path from the environment, as the Python client reads it: `~`, `$NAME` and `${NAME}`. */
function expand(path: string): string {
  return expandHome(path).replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, plain?: string, braced?: string) => {
    return process.env[plain ?? braced ?? ''] ?? whole
  })
}

function expandHome(path: string): string {
  return isNode ? path.replace(/^~(?=[/\\]|$)/, () => homedir()) : path
}
