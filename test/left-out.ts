/**
 * What a default run leaves out. A test that is left out is skipped and says so in its `meta`; `reporter.ts` counts these tests at
 * the end of a run and prints the command that runs them.
 */
import { inject, type TestContext, type TestOptions } from 'vitest'

/**
 * - `gpu`: a check on WebGPU whose kernels another check of the default run launches too.
 * - `long`: what looks for rare faults by trying the same thing many times.
 */
export type Extent = 'gpu' | 'long'

/** The commands that run what is left out. */
export const COMMANDS: Readonly<Record<Extent, string>> = {
  gpu: 'npm run test:gpu',
  long: 'npm run test:long',
}

declare module 'vitest' {
  interface ProvidedContext {
    /** What this run does not leave out. `vitest.config.ts` reads it from SIDEWINDER_TEST_ALSO. */
    readonly also: readonly Extent[]
  }
  interface TaskMeta {
    leftOut?: Extent
  }
}

/** Whether this run was asked for what a default run leaves out. */
const asked = (extent: Extent): boolean => inject('also').includes(extent)

/** Options of a test or a suite that a default run leaves out: `test('…', onlyIn('long'), () => …)`. */
export const onlyIn = (extent: Extent): TestOptions =>
  asked(extent) ? {} : { skip: true, meta: { leftOut: extent } }

/** Leaves the running test out, unless this run was asked for it: for what is known only once a device is open. */
export function leaveOut({ task, skip }: TestContext, extent: Extent): void {
  if (asked(extent)) return
  task.meta.leftOut = extent
  skip(`left out: ${COMMANDS[extent]}`)
}
