// A page of Chromium for engines that run there, with the headers that threads need.
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { chromium } from 'playwright'
import { bundled, folderOf, unpack } from '../../../scripts/chromium.mjs'

const TYPES = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
}

/**
 * @param {(path: string) => string} fileOf the file behind a path of an address
 * @param {number} [cores] what the page is told of the machine, for an engine that starts as many threads
 */
export async function openPage(fileOf, cores) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const isPage = pathname === '/'
    const path = fileOf(pathname)
    if (!isPage && !statSync(path, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, {
      'Content-Type': isPage ? 'text/html' : (TYPES[extname(path)] ?? 'application/octet-stream'),
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    })
    if (isPage) response.end('<!doctype html><title>Peer</title>')
    else createReadStream(path).pipe(response)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))

  if (bundled) await unpack('chromium')
  const folder = bundled ? folderOf('chromium') : ''
  const browser = await chromium.launch({
    ...(bundled && {
      executablePath: join(folder, 'chromium'),
      env: { ...process.env, LD_LIBRARY_PATH: join(folder, 'lib') },
    }),
    args: ['--no-sandbox', '--disable-background-networking', '--no-first-run'],
  })
  const page = await browser.newPage()
  page.on('console', (message) => console.error(message.text()))
  if (cores !== undefined) {
    await page.addInitScript((value) => {
      Object.defineProperty(navigator, 'hardwareConcurrency', { value })
    }, cores)
  }
  await page.goto(`http://localhost:${server.address().port}/`)
  const close = async () => {
    await browser.close()
    server.close()
  }
  return { page, browser, close }
}
