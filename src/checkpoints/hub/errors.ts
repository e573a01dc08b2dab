/** What goes wrong between here and a hub, as errors that say what to do. */
import { CheckpointError, type ErrorDetails } from '../../errors.ts'
import { clip } from '../json.ts'

/** The server cannot be reached, or cannot answer now: another try may help. */
export class NetworkError extends CheckpointError {
  override name = 'NetworkError'
  /** Milliseconds that the server asks to wait. */
  readonly wait: number | undefined

  constructor(rule: string, details: ErrorDetails, wait?: number) {
    super(rule, details)
    this.wait = wait
  }
}

const TOKEN = 'Give a token that may read it: HF_TOKEN, or the option token'

/** By what the hub calls them. */
const RULES: ReadonlyMap<string, readonly [rule: string, hint: string]> = new Map([
  ['GatedRepo', ['the repository is gated', `Accept its terms on the hub. ${TOKEN}`]],
  ['RepoNotFound', ['no such repository, or it is private', `Check the name. ${TOKEN}`]],
  ['RevisionNotFound', ['the repository has no such revision', 'Check what follows the @']],
  ['EntryNotFound', ['the repository has no such file', 'It may have been removed from the hub']],
])

/** The error that a status says, read from the headers alone: the body stays unread. */
export function statusError(response: Response, where: string): CheckpointError {
  const { status, headers } = response
  const message = headers.get('x-error-message')
  const found = message === null ? `HTTP ${status}` : `HTTP ${status}: ${clip(message)}`
  if (status === 429 || status === 408 || status >= 500) {
    const rule = status === 429 ? 'too many requests' : 'the server cannot answer now'
    return new NetworkError(rule, { where, found }, retryAfter(headers.get('retry-after')))
  }
  const known = RULES.get(headers.get('x-error-code') ?? '')
  if (known) return new CheckpointError(known[0], { where, found, hint: known[1] })
  if (status === 401 || status === 403) {
    return new CheckpointError('access is refused', { where, found, hint: TOKEN })
  }
  if (status === 404) {
    return new CheckpointError('not found', { where, found, hint: 'Check repository, revision and endpoint' })
  }
  return new CheckpointError('unexpected answer', { where, expected: 'HTTP 200 or 206', found })
}

/** Retry-After is a number of seconds or a date. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds)
}
