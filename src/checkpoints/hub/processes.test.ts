/** Loading in processes of their own, that meet and that die. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rm, stat } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { REPOSITORY, sendStart } from '../../../test/hub-server.ts'
import { bundle } from '../../../scripts/run-ts.mjs'
import { Bench, DIGEST, WEIGHTS } from './testing.ts'

const bench = new Bench()
const BLOBS = /^\/blob\//
let module = ''

beforeAll(async () => {
  module = await bundle('src/checkpoints/hub/index.ts')
})
afterAll(() => rm(module))

function start(): ChildProcess {
  const options = { endpoint: bench.hub.url, cache: bench.cache }
  const code = `
    import { openHub } from ${JSON.stringify(module)}
    const folder = await openHub(${JSON.stringify(REPOSITORY)}, ${JSON.stringify(options)})
    console.log((await folder.open('model.safetensors')).size)`
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'ignore'] })
}

async function printed(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout!.on('data', (data: Buffer) => (text += data.toString()))
  await once(child, 'close')
  return text.trim()
}

test('two processes load a file once', async () => {
  bench.hub.intercept = (request, response) => {
    if (!BLOBS.test(request.url!)) return false
    response.writeHead(200, { 'content-length': WEIGHTS.length }).write(WEIGHTS.subarray(0, 1000))
    // So late that the other one has come.
    setTimeout(() => response.end(WEIGHTS.subarray(1000)), 1000)
    return true
  }
  const sizes = await Promise.all([printed(start()), printed(start())])
  expect(sizes).toEqual([`${WEIGHTS.length}`, `${WEIGHTS.length}`])
  expect(bench.hub.requests(BLOBS)).toHaveLength(1)
  bench.hub.intercept = () => false
  expect(await bench.load()).toBe(DIGEST)
})

test('after kill -9 in the middle, the next one continues', async () => {
  const half = 200_000
  bench.hub.intercept = (request, response, seen) => {
    if (!BLOBS.test(request.url!)) return false
    sendStart(WEIGHTS, half, response, seen)
    return true
  }
  const child = start()
  const written = async (): Promise<number> => (await stat(`${bench.blob}.incomplete`)).size
  await expect.poll(() => written().catch(() => 0)).toBe(half)
  child.kill('SIGKILL')
  await once(child, 'close')
  bench.hub.intercept = () => false
  expect(await bench.load()).toBe(DIGEST)
  expect(bench.hub.requests(BLOBS).map(({ headers }) => headers.range)).toEqual([undefined, `bytes=${half}-`])
  expect(bench.warnings).toEqual([])
})
