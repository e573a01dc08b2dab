import { expect, test } from 'vitest'
import { openCheckpoint } from '../../src/models/files/open.ts'

const FOLDER = '/test/fixtures/edge/dtypes/f32'

const onWarning = (): void => {}

test('paths of a page are addresses', async () => {
  const values = []
  for (const source of [`${FOLDER}/model.safetensors`, `${FOLDER}/`, new URL(`${FOLDER}/`, location.href)]) {
    const { tensors } = await openCheckpoint(source, { onWarning })
    values.push((await [...tensors.values()][0].read(0, 1))[0])
  }
  expect(new Set(values).size).toBe(1)
  expect(values[0]).not.toBe(0)
  await expect(openCheckpoint('/nowhere/model.gguf', { onWarning })).rejects.toThrow(/model\.gguf/)
})
