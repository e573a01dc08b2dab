/**
 * Builds the WebAssembly kernels before tests run, and before they run again, if their sources have changed: no test ever sees kernels
 * of older sources. A source that does not compile ends the run, with its name.
 */
import type { TestProject } from 'vitest/node'
import { buildKernels } from '../scripts/build-wasm.mjs'

export default async function setup(project: TestProject): Promise<void> {
  await buildKernels()
  project.onTestsRerun(() => buildKernels())
}
