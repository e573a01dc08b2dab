import { playwright } from '@vitest/browser-playwright'
import { join, resolve } from 'node:path'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'
import { bundled, folderOf } from './scripts/chromium.mjs'

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
    globalSetup: 'test/setup-gpu.ts',
    setupFiles: 'test/setup-node.ts',
    pool: 'forks',
    testTimeout: 300_000,
  },
}

const folder = bundled ? folderOf('chromium') : ''
const browser: TestProjectConfiguration = {
  server: {
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
  cacheDir: '.cache/vite',
  // What tests import from packages, named beforehand: a dependency that Vite finds while they run reloads the page under them.
  optimizeDeps: {
    include: [
      'valibot',
      '@huggingface/tokenizers',
      '@huggingface/jinja',
      '@noble/hashes/sha2.js',
      '@noble/hashes/legacy.js',
      '@noble/hashes/utils.js',
    ],
  },
  test: {
    include: ['test/browser/**/*.test.ts'],
    globalSetup: 'test/setup-chromium.ts',
    testTimeout: 300_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: join(folder, 'chromium'),
          env: { ...process.env, LD_LIBRARY_PATH: join(folder, 'lib') },
          args: [
            '--no-sandbox',
            '--enable-unsafe-webgpu',
            '--use-webgpu-adapter=swiftshader',
            '--enable-features=Vulkan',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
            '--no-first-run',
          ],
        },
      }),
      instances: [{ browser: 'chromium', name: 'browser' }],
    },
  },
}

const report = process.env['SIDEWINDER_TEST_REPORT']

export default defineConfig({
  test: {
    // The software adapter leaves a core half idle: two files at a time, beside the browser's.
    maxWorkers: 2,
    projects: bundled ? [node, browser] : [node],
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
})
