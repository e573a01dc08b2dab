/** What is in the package: its files, its types, and what a page gets of it. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { root, type Packed } from './packed.ts'
import { plainEnvironment } from './tools.ts'

const exec = promisify(execFile)

/** What a page may get at once of `import { loadModel }`, in bytes of gzip. */
const MOST = 60_000

/** Compiler settings of a careful user. */
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  skipDefaultLibCheck: true,
  noEmit: true,
  target: 'es2022',
}
const PAGE = { ...STRICT, lib: ['es2022', 'dom', 'dom.iterable', 'dom.asynciterable'], types: [] }
const PROJECTS: readonly (readonly [name: string, options: object])[] = [
  ['nodenext, without @types/node', { ...PAGE, module: 'nodenext', moduleResolution: 'nodenext' }],
  ['bundler, without @types/node', { ...PAGE, module: 'esnext', moduleResolution: 'bundler' }],
  [
    'nodenext in Node, without the DOM',
    {
      ...STRICT,
      lib: ['es2022'],
      typeRoots: [join(root, 'node_modules/@types')],
      types: ['node'],
      module: 'nodenext',
      moduleResolution: 'nodenext',
    },
  ],
]

export function contents(packed: () => Packed): void {
  const installed = (...path: string[]): string => join(packed().folder, 'node_modules/sidewinder', ...path)
  const read = (...path: string[]): Promise<string> => readFile(installed(...path), 'utf8')
  const run = async (file: string, ...args: string[]): Promise<string> =>
    (await exec(process.execPath, [file, ...args], { cwd: packed().folder, env: plainEnvironment() })).stdout

  describe('its files', () => {
    test('are those that package.json names', async () => {
      const { exports, bin } = JSON.parse(await read('package.json'))
      const named = [
        ...Object.values(exports).flatMap((each) => Object.values(each as object)),
        ...Object.values(bin),
      ]
      for (const path of named.filter((each) => String(each).startsWith('./'))) {
        expect(existsSync(installed(String(path))), String(path)).toBe(true)
      }
    })

    test('have the pages that README and docs link to', async () => {
      const documents = ['README.md', ...(await readdir(installed('docs'), { recursive: true }))]
        .map((name, i) => (i === 0 ? name : join('docs', name)))
        .filter((name) => name.endsWith('.md'))
      const missing: string[] = []
      for (const document of documents) {
        for (const [, link] of (await read(document)).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
          if (/^\w+:/.test(link) || existsSync(installed(dirname(document), link))) continue
          missing.push(`${document}: ${link}`)
        }
      }
      expect(missing).toEqual([])
    })

    test('have a map of sources, and the licences of all packages in them', async () => {
      const maps = (await readdir(installed('dist'))).filter((name) => name.endsWith('.js.map'))
      expect(maps.length).toBeGreaterThan(30)
      const notices = await read('dist/THIRD-PARTY.txt')
      for (const name of maps) {
        const { sources } = JSON.parse(await read('dist', name))
        for (const source of sources as string[]) {
          const [, owner] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source) ?? []
          if (owner) expect(notices).toMatch(new RegExp(`^${owner} \\d+\\.\\d+\\.\\d+ \\(`, 'm'))
        }
      }
      expect(await read('LICENSE')).not.toMatch(/\[yyyy\]|\[name of copyright owner\]/)
    })

    test('import nothing of Node, but those of the command', async () => {
      const found: string[] = []
      for (const name of await filesOf(await entries())) {
        if (/(?:from|import)\s*\(?\s*["']node:/.test(await read('dist', name))) found.push(name)
      }
      expect(found).toEqual([])
    })
  })

  /** The files of dist that entries load, the command apart. */
  async function filesOf(names: readonly string[]): Promise<ReadonlySet<string>> {
    const seen = new Set<string>()
    const visit = async (name: string): Promise<void> => {
      if (seen.has(name)) return
      seen.add(name)
      for (const [, other] of (await read('dist', name)).matchAll(/["']\.\/([\w.-]+\.js)["']/g))
        await visit(other)
    }
    for (const name of names) await visit(name)
    return seen
  }
  const entries = async (): Promise<string[]> =>
    Object.values(JSON.parse(await read('package.json')).exports as Record<string, { default?: string }>)
      .flatMap(({ default: path }) => path ?? [])
      .map((path) => path.replace('./dist/', ''))

  test('a page that imports loadModel gets at most 60 kB at once', async () => {
    const bytes = Number(await run(join(import.meta.dirname, 'weigh.mjs'), packed().tools, packed().folder))
    expect(bytes).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThanOrEqual(MOST)
  })

  describe('its types', () => {
    test.each(PROJECTS)('compile: %s', async (name, compilerOptions) => {
      const folder = join(packed().folder, `types-${name.replaceAll(/\W+/g, '-')}`)
      await mkdir(folder)
      await cp(join(import.meta.dirname, 'consumer'), folder, { recursive: true })
      await writeFile(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
      )
      const compiler = join(root, 'node_modules/typescript/bin/tsc')
      expect(await run(compiler, '--project', folder).catch(({ stdout }) => String(stdout))).toBe('')
    })

    test('are right by arethetypeswrong', async () => {
      const checker = join(packed().tools, 'node_modules/@arethetypeswrong/cli/dist/index.js')
      const printed = await run(checker, packed().tarball, '--config-path', join(root, '.attw.json'))
      expect(printed.match(/node16 \(from ESM\): 🟢 \(ESM\)/g)).toHaveLength((await entries()).length)
    })

    test('and exports are right by publint', async () => {
      const checker = join(root, 'node_modules/publint/src/cli.js')
      expect(await run(checker, packed().tarball, '--strict')).toContain('All good!')
    })
  })
}
