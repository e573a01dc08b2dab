/** Pages and workers that import the package, built by every bundler without configuration. */
import { execFile } from 'node:child_process'
import { cp } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chromium, type Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serve } from '../../examples/browser/serve.mjs'
import { launchOptions, unpack } from '../../scripts/chromium.mjs'
import { onlyIn } from '../left-out.ts'
import type { Packed } from './packed.ts'
import { expectPages, printedBy } from './pages.ts'
import { freePort, serving } from './serving.ts'
import { plainEnvironment } from './tools.ts'

const exec = promisify(execFile)
const apps = join(import.meta.dirname, 'apps')
const builder = join(import.meta.dirname, 'build.mjs')

const BUILDS = [
  ['vite7', 'production'],
  ['vite8', 'production'],
  ['webpack', 'production'],
  ['webpack', 'development'],
  ['rollup', 'production'],
  ['esbuild', 'production'],
  ['single', 'production'],
] as const
/** What makes one file of a worker. */
const ONE_FILE: ReadonlySet<string> = new Set(['vite7', 'vite8', 'single'])

export function bundlers(packed: () => Packed): void {
  let browser: Browser

  beforeAll(async () => {
    await unpack('chromium')
    browser = await chromium.launch(launchOptions())
  })
  afterAll(() => browser?.close())

  /** A copy of the pages, with the model that they load. */
  async function pagesIn(name: string): Promise<string> {
    const app = join(packed().folder, name)
    await cp(join(apps, 'pages'), app, { recursive: true })
    await cp(join(packed().folder, 'public'), join(app, 'public'), { recursive: true })
    return app
  }

  async function nextIn(name: string): Promise<string> {
    const app = join(packed().folder, name)
    await cp(join(apps, 'next'), app, { recursive: true })
    await cp(join(apps, 'pages'), join(app, 'shared'), { recursive: true })
    await cp(join(packed().folder, 'public'), join(app, 'public'), { recursive: true })
    return app
  }

  const next = (): string => join(packed().tools, 'node_modules/next/dist/bin/next')

  /** Starts Next.js in an application, opens its pages, and asks its server for text. */
  async function expectNext(app: string, ...args: string[]): Promise<string> {
    const port = await freePort()
    const url = `http://localhost:${port}`
    return serving(process.execPath, [next(), ...args, '--port', String(port)], app, url, async () => {
      await expectPages(browser, url, packed().here)
      expect(await (await fetch(`${url}/text`)).text()).toBe(packed().here.text)
    })
  }

  describe('a loading page, a training page and a worker', () => {
    test.each(BUILDS)('built by %s, %s', async (tool, mode) => {
      const app = await pagesIn(`${tool}-${mode}`)
      // Vite 7 makes one file of a worker, and stops at parts that are loaded later.
      if (tool === 'vite7') await cp(join(apps, 'worker-whole.js'), join(app, 'worker.js'))
      const args = [builder, packed().tools, tool, mode, app]
      const { stdout, stderr } = await exec(process.execPath, args, { cwd: app, env: plainEnvironment() })
      expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual([])
      expect(stderr).toBe('')
      const server = await serve(0, join(app, 'dist'))
      try {
        const { port } = server.address() as AddressInfo
        await expectPages(browser, `http://localhost:${port}`, packed().here, ONE_FILE.has(tool))
      } finally {
        server.close()
      }
    })

    test('with a content security policy, without a bundler', async () => {
      const { folder } = packed()
      await cp(join(apps, 'policy'), join(folder, 'policy'), { recursive: true })
      const server = await serve(0, folder, {
        'Content-Security-Policy':
          "default-src 'self'; img-src data:; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
      })
      try {
        const { port } = server.address() as AddressInfo
        const { refused, device, error } = await printedBy(browser, `http://localhost:${port}/policy/`)
        expect(error).toBeUndefined()
        expect(refused).toMatch(/^DeviceError: .*option worker/)
        expect(device).toMatch(/[2-9]|1\d threads/)
      } finally {
        server.close()
      }
    })

    test.each(['vite7', 'vite8'])('served by %s, development', async (tool) => {
      const app = await pagesIn(`${tool}-development`)
      const port = await freePort()
      const url = `http://localhost:${port}`
      const args = [builder, packed().tools, tool, String(port), app]
      const printed = await serving(process.execPath, args, app, url, () =>
        expectPages(browser, url, packed().here),
      )
      expect(printed).toBe('')
    })

    test.each(['turbopack', 'webpack'])('built by Next.js with %s, and on its server', async (bundler) => {
      const app = await nextIn(`next-${bundler}`)
      const { stdout, stderr } = await exec(process.execPath, [next(), 'build', `--${bundler}`], {
        cwd: app,
        env: plainEnvironment(),
      })
      expect(`${stdout}${stderr}`).not.toMatch(/warn|⚠|error(?!\b.*_)/i)
      await expectNext(app, 'start')
    })

    test.each(['turbopack', 'webpack'])(
      'served by Next.js with %s, development',
      onlyIn('long'),
      async (bundler) => {
        const app = await nextIn(`next-${bundler}-development`)
        expect(await expectNext(app, 'dev', `--${bundler}`)).not.toMatch(/warn|⚠|error/i)
      },
    )
  })
}
