/** While vitest watches, a change of an AssemblyScript source builds the kernels, and that runs the tests that use them. */
import type { Plugin } from 'vitest/config'
import { buildKernels } from '../scripts/build-wasm.mjs'

export function rebuildKernels(): Plugin {
  let last: Promise<void> = Promise.resolve()
  const rebuild = (path: string): void => {
    if (!path.endsWith('.as.ts') || path.includes('/generated/')) return
    last = last.then(buildKernels).catch((error: unknown) => console.error(String(error)))
  }
  return {
    name: 'rebuild-kernels',
    configureServer({ watcher }) {
      for (const event of ['add', 'change', 'unlink'] as const) watcher.on(event, rebuild)
    },
  }
}
