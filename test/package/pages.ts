/** Opens built pages in Chromium, and reads what came out. */
import type { Browser } from 'playwright'
import { expect } from 'vitest'
import type { Ran } from './packed.ts'

interface Finished {
  readonly error?: { readonly name: string; readonly message: string } | string
  readonly losses?: readonly number[]
  readonly text?: string
  readonly device?: string
  /** What a policy did not allow. */
  readonly refused?: string
}

/** Opens a page; expects that it prints nothing and loads no WGSL: none of them opens WebGPU. */
async function open(browser: Browser, url: string, withKernels = false): Promise<Finished> {
  const page = await browser.newPage()
  const printed: string[] = []
  const scripts: Promise<void>[] = []
  page.on('pageerror', (error) => printed.push(String(error)))
  page.on('console', (message) => {
    if (['warning', 'error'].includes(message.type())) printed.push(message.text())
  })
  page.on('response', (response) => {
    if (withKernels || !/javascript/.test(response.headers()['content-type'] ?? '')) return
    const check = async (): Promise<void> => {
      const text = await response.text().catch(() => '')
      if (text.includes('@compute')) printed.push(`WGSL in ${response.url()}`)
    }
    scripts.push(check())
  })
  await page.goto(url)
  await page.waitForFunction('globalThis.finished', undefined, { timeout: 60_000 })
  const finished = (await page.evaluate('globalThis.finished')) as Finished
  await Promise.all(scripts)
  await page.close()
  expect(printed).toEqual([])
  return finished
}

/** What a page prints as JSON: its policy may forbid to ask it. */
export async function printedBy(browser: Browser, url: string): Promise<Finished> {
  const page = await browser.newPage()
  const printed = page.waitForEvent('console', (message) => message.text().startsWith('{'))
  await page.goto(url)
  const text = (await printed).text()
  await page.close()
  return JSON.parse(text) as Finished
}

/**
 * Opens the three pages of an application, whose results must be those of Node. A worker that is one file has
 * the kernels of all devices in it.
 */
export async function expectPages(
  browser: Browser,
  url: string,
  here: Ran,
  workerIsOneFile = false,
): Promise<void> {
  const loading = await open(browser, `${url}?page=loading`)
  expect(loading).toMatchObject({ text: here.text, error: { name: 'CheckpointError' } })
  const training = await open(browser, `${url}?page=training`)
  expect(training.error).toMatchObject({ name: 'DeviceError' })
  training.losses!.forEach((loss, i) => expect(loss).toBeCloseTo(here.losses[i], 4))
  const working = await open(browser, `${url}?page=working`, workerIsOneFile)
  expect(working).toMatchObject({ text: here.text })
}
