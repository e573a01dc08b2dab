import { readSafetensors } from '../../../src/checkpoints/safetensors.ts'
import { readTestFile } from '../../files.ts'
import type { FuzzTarget } from './run.ts'

const FOLDER = 'test/fixtures/edge/safetensors'
const SEEDS = [
  'ok',
  'ok_all_dtypes',
  'ok_empty_and_scalar',
  'ok_padded_header',
  'ok_unicode_name',
  'ok_prototype_names',
]

export const safetensorsTarget: FuzzTarget = {
  name: 'safetensors',
  seeds: () =>
    Promise.all(
      SEEDS.map(async (name) => ({ name, bytes: await readTestFile(`${FOLDER}/${name}.safetensors`) })),
    ),
  async run(bytes) {
    const tensors = await readSafetensors(bytes, 'fuzz.safetensors')
    for (const tensor of tensors.values()) await tensor.read()
  },
}
