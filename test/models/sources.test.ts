import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, SidewinderError } from '../../src/errors.ts'
import { openCheckpoint, type ModelSource } from '../../src/models/files/open.ts'
import { readTestFile } from '../files.ts'

const FOLDER = 'test/fixtures/edge/dtypes/f32'
const NAMES = ['config.json', 'model.safetensors']
const files = new Map<string, Uint8Array<ArrayBuffer>>()
let server: Server
let base = ''
/** How much was sent, by path. */
const sent = new Map<string, number>()

beforeAll(async () => {
  for (const name of NAMES) files.set(name, await readTestFile(`${FOLDER}/${name}`))
  server = createServer((request, response) => {
    const [, kind, name] = request.url!.split('/')
    const file = files.get(name)
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    if (!file || (kind !== 'ranges' && kind !== 'whole')) {
      response.writeHead(kind === 'refuses' ? 403 : 404).end()
      return
    }
    const part = range && kind === 'ranges' ? file.subarray(Number(range[1]), Number(range[2]) + 1) : file
    sent.set(request.url!, (sent.get(request.url!) ?? 0) + part.length)
    const header = { 'content-range': `bytes ${range?.[1]}-${range?.[2]}/${file.length}` }
    response.writeHead(part === file ? 200 : 206, part === file ? {} : header).end(part)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => server.close())

/** A value of a tensor, which says that all of the model can be read. */
async function firstValue(source: ModelSource, warnings: string[] = []): Promise<number> {
  const checkpoint = await openCheckpoint(source, { onWarning: (text) => void warnings.push(text) })
  const [tensor] = checkpoint.tensors.values()
  return (await tensor.read(0, 1))[0]
}

describe('what a model is given as', () => {
  test('files, in every form', async () => {
    const expected = await firstValue(FOLDER)
    const picked = NAMES.map((name) => {
      const file = new File([files.get(name)!], name)
      return Object.defineProperty(file, 'webkitRelativePath', { value: `my model/${name}` })
    })
    expect(await firstValue(new Map(files))).toBe(expected)
    expect(await firstValue(NAMES.map((name) => new File([files.get(name)!], name)))).toBe(expected)
    expect(await firstValue(picked)).toBe(expected)
    expect(await firstValue(new URL(`../../${FOLDER}/`, import.meta.url))).toBe(expected)
  })

  test('addresses, in ranges where the server gives them', async () => {
    const expected = await firstValue(FOLDER)
    const warnings: string[] = []
    for (const source of [`${base}/ranges/`, new URL(`${base}/ranges/model.safetensors`)]) {
      expect(await firstValue(source, warnings)).toBe(expected)
    }
    expect(warnings).toEqual([])
    expect(sent.get('/ranges/model.safetensors')).toBeLessThan(2 * files.get('model.safetensors')!.length)
    expect(await firstValue(`${base}/whole/`, warnings)).toBe(expected)
    expect(warnings.join()).toContain('the server gives no ranges')
    expect(sent.get('/whole/model.safetensors')).toBe(files.get('model.safetensors')!.length)
  })

  test.each([
    ['/none/', /has no|no weights|missing/],
    ['/none/model.safetensors', /no such file|missing/],
    ['/refuses/', /refuses the file.*403/],
  ])('%s is an error with the address', async (path, message) => {
    await expect(openCheckpoint(base + path)).rejects.toThrow(message)
    await expect(openCheckpoint(base + path)).rejects.toThrow(SidewinderError)
  })

  test.each([null, undefined, '', 5, {}, [], [5], ['x'], () => 1, Symbol('x'), new Uint8Array(4), 1n])(
    '%s is no model',
    async (source) => {
      await expect(openCheckpoint(source as never)).rejects.toThrow(/^\[source\] not a model/)
      await expect(openCheckpoint(source as never)).rejects.toThrow(ConfigError)
    },
  )
})
