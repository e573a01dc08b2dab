import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'rolldown'
import { defineConfig, type UserConfig } from 'tsdown'

const shared: UserConfig = {
  format: 'esm',
  target: 'es2023',
  platform: 'neutral',
  // Our `[Symbol.dispose]` must be known to users whose `lib` does not name it.
  banner: { dts: '/// <reference lib="esnext.disposable" />' },
  // Pages import dist as it is: it must not name packages that only a bundler finds.
  deps: {
    neverBundle: [/^node:/],
    onlyBundle: false,
    alwaysBundle: ['valibot', /^@noble\/hashes/],
  },
  fixedExtension: false,
}

export default defineConfig([
  {
    ...shared,
    entry: {
      index: 'src/entries/index.ts',
      train: 'src/entries/train.ts',
      tasks: 'src/entries/tasks.ts',
      nn: 'src/entries/nn.ts',
      ops: 'src/entries/ops.ts',
      checkpoints: 'src/entries/checkpoints.ts',
      cli: 'src/cli/main.ts',
    },
    dts: true,
    sourcemap: true,
    plugins: [plainKernels(), notices()],
  },
  {
    ...shared,
    entry: { whole: 'src/entries/whole.ts' },
    dts: false,
    clean: false,
    plugins: [plainKernels(), typesOf('whole', ['index', 'train'])],
    outputOptions: { codeSplitting: false },
  },
  {
    ...shared,
    entry: { thread: 'src/entries/thread.ts' },
    dts: false,
    clean: false,
    plugins: [typesOf('thread', [])],
  },
])

/** Takes the indentation out of WGSL, which is a tenth of it. */
function plainKernels(): Plugin {
  return {
    name: 'plain-kernels',
    transform: {
      filter: { code: '/* wgsl */ `' },
      handler: (code) => ({
        code: code.replaceAll(/\/\* wgsl \*\/ `[^`]*/g, (text) => text.replaceAll(/\n +/g, '\n')),
        map: null,
      }),
    },
  }
}

/** Writes the licences of the packages that dist contains. */
function notices(): Plugin {
  return {
    name: 'notices',
    generateBundle(_, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
      const folders = new Set(
        modules.flatMap((id) => /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []),
      )
      if (folders.size === 0) return
      const texts = [...folders].toSorted().map((folder) => {
        const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
        const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
        if (!file) throw new Error(`${folder} has no licence`)
        return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
      })
      const title = 'Parts of these packages are in the files of this folder, under their own licences.\n'
      this.emitFile({
        type: 'asset',
        fileName: 'THIRD-PARTY.txt',
        source: [title, ...texts].join(`\n${'-'.repeat(80)}\n\n`),
      })
    },
  }
}

/** Declares that an entry is those of others together. */
function typesOf(entry: string, others: readonly string[]): Plugin {
  return {
    name: 'types-of',
    generateBundle() {
      const source = others.map((other) => `export * from './${other}.js'\n`).join('') || 'export {}\n'
      this.emitFile({ type: 'asset', fileName: `${entry}.d.ts`, source })
    },
  }
}
