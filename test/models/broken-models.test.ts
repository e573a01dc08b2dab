/** Model folders and files that are broken, odd or hostile: each ends as test/fixtures/edge/cases.json says. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import cases from '../fixtures/edge/cases.json'
import { readSafetensors } from '../../src/checkpoints/safetensors.ts'
import { SidewinderError } from '../../src/errors.ts'
import { loadModel } from '../../src/language/load-model.ts'
import { testDevices } from '../devices.ts'
import { readTestFile } from '../files.ts'
import { relativeError } from '../suites/compare.ts'

const FOLDER = fileURLToPath(new URL('../fixtures/edge/', import.meta.url))
/** Files that a pickle would make if it were executed; pickles by themselves are tested where they are read. */
const MARKER = 'fixture_pickle_was_executed'

interface Case {
  readonly path: string
  readonly expect: string
  readonly why: string
  readonly mention: readonly string[]
  readonly acceptable?: readonly string[]
  readonly logits?: string
}

const models = (cases.cases as readonly Case[]).filter(({ path }) =>
  /^(models|sharded|dtypes|gguf)\//.test(path),
)

testDevices(
  'models at the edge',
  (device) => {
    test.each(models)('$path: $why', async ({ path, expect: outcome, mention, acceptable, logits }) => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
      const result = await loadModel(FOLDER + path, { device: device() }).catch((error: unknown) => error)
      expect(existsSync(MARKER)).toBe(false)
      // A container alone is no model.
      const asModel = path === 'gguf/ok_container.gguf' ? ['error'] : (acceptable ?? [outcome])
      if (result instanceof Error) {
        expect(asModel, result.message).toContain('error')
        expect(result).toBeInstanceOf(SidewinderError)
        for (const word of mention) expect(result.message).toContain(word)
      } else {
        expect(asModel).toContain('ok')
        const model = result as Awaited<ReturnType<typeof loadModel>>
        if (logits !== undefined) await expectLogits(model, logits)
        model.dispose()
      }
      if (path === 'models/extra_tensor') expect(warn.mock.calls.join()).toMatch(/no place for/)
      warn.mockRestore()
    })
  },
  ['reference', 'wasm', 'webgpu'],
)

async function expectLogits(model: Awaited<ReturnType<typeof loadModel>>, name: string): Promise<void> {
  const io = await readSafetensors(await readTestFile('test/fixtures/edge/io.safetensors'))
  const ids = Array.from(await io.get('ids')!.read())
  const { data } = await model.logits([ids])
  expect(relativeError(data, await io.get(name)!.read())).toBeLessThan(1e-4)
}

describe('the cases', () => {
  test('cover every folder of the fixtures', () => {
    expect(new Set(cases.cases.map(({ path }) => path.split('/')[0]))).toEqual(
      new Set(['dtypes', 'sharded', 'safetensors', 'models', 'pickle', 'gguf']),
    )
  })
})
