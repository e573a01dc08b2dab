/** The built package in a page of its own, without a bundler. */
import { execFileSync } from 'node:child_process'
import { chromium, type Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import packageJson from '../../package.json' with { type: 'json' }
import { serve } from '../../examples/browser/serve.mjs'
import { launchOptions } from '../../scripts/chromium.mjs'

interface Finished {
  readonly error?: string
  readonly losses: readonly number[]
  readonly text: string
  readonly device: string
}

export function example(): void {
  describe('the example in a page', () => {
    let browser: Browser | undefined
    let server: { address(): { port: number }; close(): void }

    beforeAll(async () => {
      server = await serve(0)
      browser = await chromium.launch(launchOptions())
    }, 120_000)

    afterAll(async () => {
      await browser?.close()
      server?.close()
    })

    test('has a command', () => {
      const { version } = packageJson
      expect(execFileSync(process.execPath, ['bin/sidewinder.mjs', '--version'], { encoding: 'utf8' })).toBe(
        `${version}\n`,
      )
    })

    // The software adapter is slow: it gets a smaller model, and fewer steps.
    test.each([
      { device: 'wasm', steps: 50, width: 64, learned: 1.5 },
      { device: 'webgpu', steps: 15, width: 16, learned: 0.7 },
    ])(
      'trains $steps steps and writes, on $device',
      { timeout: 120_000 },
      async ({ device, steps, width, learned }) => {
        const page = await browser!.newPage()
        const broken = new Promise<never>((_, reject) => page.on('pageerror', reject))
        await page.goto(
          `http://localhost:${server.address().port}/examples/browser/?device=${device}&software&steps=${steps}&width=${width}`,
        )
        await Promise.race([
          page.waitForFunction('globalThis.finished', undefined, { timeout: 110_000 }),
          broken,
        ])
        const finished = (await page.evaluate('globalThis.finished')) as Finished
        expect(finished.error).toBeUndefined()
        expect(finished.losses).toHaveLength(steps)
        expect(finished.losses.at(-1)!).toBeLessThan(finished.losses[0] - learned)
        expect(finished.text.length).toBeGreaterThan('Call me '.length)
        if (device === 'wasm') expect(finished.device).toMatch(/[2-9] threads|1[0-9] threads/)
        await page.close()
      },
    )
  })
}
