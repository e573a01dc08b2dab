/** What the tests of this folder share: a hub of their own, and an empty cache. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, vi } from 'vitest'
import { REPOSITORY, sha256, startHub, type HubServer } from '../../../test/hub-server.ts'
import type { Folder } from '../files.ts'
import { openHub, type HubOptions } from './index.ts'

/** Larger than what one packet or buffer takes. */
export const WEIGHTS = Uint8Array.from({ length: 400_000 }, (_, i) => (i * 2654435761) >>> 24)
export const DIGEST = sha256(WEIGHTS)
export const CONFIG = new TextEncoder().encode('{"model_type": "mamba"}')
const FILES: ReadonlyMap<string, Uint8Array> = new Map([
  ['config.json', CONFIG],
  ['model.safetensors', WEIGHTS],
  ['onnx/model.onnx', Uint8Array.of(1, 2, 3)],
])

export class Bench {
  hub!: HubServer
  cache = ''
  warnings: string[] = []

  /** Makes it anew for each test of a file. */
  constructor() {
    beforeEach(async () => {
      for (const name of ['HF_TOKEN', 'HF_HUB_OFFLINE', 'HF_ENDPOINT']) vi.stubEnv(name, '')
      this.cache = await mkdtemp(join(tmpdir(), 'hub-'))
      vi.stubEnv('HF_TOKEN_PATH', join(this.cache, 'no-token'))
      this.hub = await startHub(FILES)
      this.warnings = []
    })
    afterEach(async () => {
      vi.unstubAllEnvs()
      await this.hub.close()
      await rm(this.cache, { recursive: true, force: true })
    })
  }

  open(options: HubOptions = {}, revision = ''): Promise<Folder> {
    return openHub(`${REPOSITORY}${revision}`, {
      endpoint: this.hub.url,
      cache: this.cache,
      delay: 1,
      timeout: 5000,
      onWarning: (text) => this.warnings.push(text),
      ...options,
    })
  }

  /** Loads the weights and returns their hash. */
  async load(options: HubOptions = {}): Promise<string> {
    const source = await (await this.open(options)).open('model.safetensors')
    return sha256(await source.read(0, source.size))
  }

  /** A path in the repository's part of the cache. */
  path(...parts: string[]): string {
    return join(this.cache, `models--${REPOSITORY.replace('/', '--')}`, ...parts)
  }

  get blob(): string {
    return this.path('blobs', DIGEST)
  }

  /** All files of the repository's part of the cache, as paths there. */
  async cached(): Promise<string[]> {
    const entries = await readdir(this.path(), { recursive: true, withFileTypes: true }).catch(() => [])
    const files = entries.filter((entry) => !entry.isDirectory())
    return files.map((entry) => join(entry.parentPath, entry.name).slice(this.path().length + 1)).toSorted()
  }
}
