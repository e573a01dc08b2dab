// jax-js on WebAssembly, in Chromium, as it has no threads in Node: node bench/peers/engines/jax.mjs
// <threads>
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { obey } from './lines.mjs'
import { openPage } from './page.mjs'

const threads = Number(process.argv[2])
const root = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'node_modules/@jax-js/jax/package.json'), 'utf8'))

const { page, browser, close } = await openPage((path) => join(root, path), threads)
await page.evaluate(
  async ([orders, jax]) => {
    const { ordersOf } = await import(orders)
    globalThis.orders = await ordersOf(await import(jax))
  },
  ['/engines/jax-page.mjs', '/node_modules/@jax-js/jax/dist/index.js'],
)
const give = (name) => (order) =>
  page.evaluate(([name, order]) => globalThis.orders[name](order), [name, order])

await obey(`jax-js ${version}, wasm, Chromium ${browser.version()}, ${threads} threads`, {
  prepare: give('prepare'),
  repeat: give('repeat'),
})
await close()
