import { readPytorch } from '../../../src/checkpoints/pytorch/index.ts'
import { readTestFile } from '../../files.ts'
import type { FuzzTarget } from './run.ts'

const FOLDER = 'test/fixtures/edge/pickle'
const SEEDS = [
  'ok_views.bin',
  'ok_parameters.bin',
  'ok_plain_dict_protocol4.bin',
  'ok_legacy_format.bin',
  'evil_stack_global_protocol4.bin',
  'no_tensors.bin',
]

/** Files to mutate, and what reads all of one. It may throw SidewinderError, and nothing else. */
export const pytorchTarget: FuzzTarget = {
  name: 'pytorch',

  seeds: (): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer> }[]> =>
    Promise.all(SEEDS.map(async (name) => ({ name, bytes: await readTestFile(`${FOLDER}/${name}`) }))),

  async run(bytes: Uint8Array): Promise<void> {
    for (const tensor of (await readPytorch(bytes, 'fuzz.bin')).values()) {
      const size = tensor.shape.reduce((product, axis) => product * axis, 1)
      await tensor.read(0, Math.min(size, 1e6))
    }
  },
}
