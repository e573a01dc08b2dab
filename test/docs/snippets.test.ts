/**
 * The README and the pages of docs: their TypeScript compiles and runs, their commands exist, their links
 * lead somewhere.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { format } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { commandsOf, expectedOutput, faultOf, modulesOf, typeErrors, unknownImports } from './snippets.ts'

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'bench/README.md',
  'bench/changes.md',
  'bench/peers/README.md',
  ...(await readdir('docs', { recursive: true }))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const texts = new Map(
  await Promise.all(documents.map(async (file) => [file, await readFile(file, 'utf8')] as const)),
)
const modules = [...texts].flatMap(([file, text]) => modulesOf(file, text))

beforeAll(async () => {
  await rm('.cache/snippets', { recursive: true, force: true })
  await mkdir('.cache/snippets', { recursive: true })
  for (const { path, code } of modules) await writeFile(path, code)
})

test('all snippets compile', async () => {
  expect(modules.flatMap(({ code }) => unknownImports(code))).toEqual([])
  expect(await typeErrors(modules.map(({ path }) => path))).toEqual([])
})

describe('snippets run', () => {
  const root = process.cwd()
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sidewinder-snippets-'))
    process.chdir(folder)
  })
  afterAll(async () => {
    process.chdir(root)
    await rm(folder, { recursive: true })
  })

  test.each(
    modules.filter(({ runs }) => runs).map((module) => [`${module.file}:${module.line}`, module] as const),
  )('%s', async (_, module) => {
    const printed: string[] = []
    const log = vi
      .spyOn(console, 'log')
      .mockImplementation((...values) => void printed.push(format(...values)))
    const write = vi
      .spyOn(process.stdout, 'write')
      .mockImplementation((text) => printed.push(String(text)) > 0)
    try {
      await import(/* @vite-ignore */ join(root, module.path))
    } finally {
      log.mockRestore()
      write.mockRestore()
    }
    for (const text of expectedOutput(module.code)) expect(printed).toContain(text)
  })
})

test('commands and their flags exist', () => {
  const program = createProgram(() => {})
  const faults = [...texts].flatMap(([file, text]) =>
    commandsOf(text).flatMap(({ line, words }) => {
      const fault = faultOf(words, program)
      return fault === undefined ? [] : [`${file}:${line}: ${words.join(' ')}: ${fault}`]
    }),
  )
  expect(faults).toEqual([])
})

/** The anchors of a page's headings, as GitHub spells them. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  )

test('anchors are headings', () => {
  const missing = [...texts].flatMap(([file, text]) =>
    [...text.matchAll(/\]\(([\w./-]*)#([^)]+)\)/g)]
      .filter(([, to, anchor]) => {
        const page = to === '' ? file : join(dirname(file), to)
        return !anchorsOf(texts.get(page) ?? '').includes(anchor)
      })
      .map(([link]) => `${file}: ${link}`),
  )
  expect(missing).toEqual([])
})

test('links and paths lead somewhere', () => {
  const missing = [...texts].flatMap(([file, text]) =>
    [
      ...[...text.matchAll(/\]\((?!https?:)([^)#\s]+)/g)]
        .map(([, link]) => resolve(dirname(file), link))
        .filter((path) => !existsSync(path)),
      ...[...text.matchAll(/`((?:src|test|scripts|bench|docs|examples)\/[\w./-]+)`/g)]
        .map(([, path]) => path)
        .filter((path) => !path.includes('NAME') && !existsSync(path)),
    ].map((path) => `${file}: ${path}`),
  )
  expect(missing).toEqual([])
})

test('derivations name kernels and files that there are', async () => {
  const missing: string[] = []
  for (const [file, text] of texts) {
    const folder = /Files are in `([^`]+)`/.exec(text)?.[1]
    if (folder === undefined) continue
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts'))
    const sources = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))
    const known = [
      ...files.map((name) => basename(name)),
      ...sources.flatMap((source) => source.split(/\W+/)),
    ]
    const table = text.slice(text.indexOf('Files are in')).split('\n\n')[1]
    const names = [...table.matchAll(/`([\w.-]+)`/g)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(20)
    missing.push(...names.filter((name) => !known.includes(name)).map((name) => `${file}: ${name}`))
  }
  expect(missing).toEqual([])
})
