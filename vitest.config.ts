import { playwright } from '@vitest/browser-playwright'
import { resolve } from 'node:path'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'
import { bundled, launchOptions } from './scripts/chromium.mjs'
import type { Extent } from './test/left-out.ts'
import { rebuildKernels } from './test/rebuild-kernels.ts'
import { Report } from './test/reporter.ts'

const listOf = (name: string): string[] => (process.env[name] ?? '').split(',').filter(Boolean)

const provide = {
  /** What a default run leaves out and this one does not: `gpu`, `long` or both. */
  also: listOf('SIDEWINDER_TEST_ALSO') as Extent[],
  /** The only devices to test: `reference`, `wasm`, `webgpu`. */
  devices: listOf('SIDEWINDER_TEST_DEVICES'),
}

/** Examples, and the code in docs, import the package: in tests its sources. */
const sources = [
  { find: /^sidewinder$/, replacement: resolve('src/entries/index.ts') },
  { find: /^sidewinder\/(.+)$/, replacement: resolve('src/entries/$1.ts') },
]

const node: TestProjectConfiguration = {
  resolve: { alias: sources },
  test: {
    name: 'node',
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/browser/**'],
    globalSetup: ['test/setup-kernels.ts', 'test/setup-gpu.ts'],
    setupFiles: ['test/setup-node.ts', 'test/setup-equality.ts'],
    provide,
    pool: 'forks',
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
}

const browser: TestProjectConfiguration = {
  server: {
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
  cacheDir: '.cache/vite',
  // What tests import from packages, named beforehand: a dependency that Vite finds while they run reloads
  // the page under them.
  optimizeDeps: {
    include: ['valibot', '@noble/hashes/sha2.js', '@noble/hashes/legacy.js', '@noble/hashes/utils.js'],
  },
  test: {
    include: ['test/browser/**/*.test.ts'],
    globalSetup: ['test/setup-kernels.ts', 'test/setup-chromium.ts'],
    setupFiles: 'test/setup-equality.ts',
    provide,
    testTimeout: 300_000,
    hookTimeout: 120_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: bundled ? launchOptions() : {} }),
      instances: [{ browser: 'chromium', name: 'browser' }],
    },
  },
}

const outputFile = process.env['SIDEWINDER_TEST_REPORT']

export default defineConfig({
  plugins: [rebuildKernels()],
  test: {
    // The software adapter leaves a core half idle: two files at a time, beside the browser's.
    maxWorkers: 2,
    projects: bundled ? [node, browser] : [node],
    reporters: [
      'default',
      new Report(),
      ...(outputFile ? [['json', { outputFile }] satisfies ['json', object]] : []),
    ],
  },
})
