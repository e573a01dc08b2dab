/**
 * Configurations and indices: what they ask for is compared with the weights before there is memory for it.
 */
import { expectParameters } from '../../../src/models/files/fill.ts'
import { openCheckpoint } from '../../../src/models/files/open.ts'
import { Stack } from '../../../src/models/stack.ts'
import { readTestFile } from '../../files.ts'
import { MODELS } from '../models.ts'
import type { FuzzTarget } from './run.ts'

const EDGE = 'test/fixtures/edge'
const CHECKPOINTS = 'test/fixtures/checkpoints'

async function plan(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const checkpoint = await openCheckpoint(files)
  expectParameters(new Stack(checkpoint.config), checkpoint)
}

export const configTarget: FuzzTarget = {
  name: 'config',
  seeds: () =>
    Promise.all(
      [
        `${EDGE}/dtypes/f32/config.json`,
        `${EDGE}/models/config_infinity_literal/config.json`,
        `${CHECKPOINTS}/mamba2-g3/config.json`,
        ...Object.entries(MODELS).map(
          ([name, { original }]) => `${CHECKPOINTS}/${name}/config.${original ? '' : 'legacy.'}json`,
        ),
      ].map(async (name) => ({ name, bytes: await readTestFile(name) })),
    ),
  run: async (bytes) =>
    plan(
      new Map([
        ['config.json', bytes],
        ['model.safetensors', await weights()],
      ]),
    ),
}

let known: Promise<Uint8Array<ArrayBuffer>> | undefined
const weights = (): Promise<Uint8Array<ArrayBuffer>> =>
  (known ??= readTestFile(`${EDGE}/dtypes/f32/model.safetensors`))

const SHARDED = `${EDGE}/sharded/ok`
const INDEX = 'model.safetensors.index.json'
let files: Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> | undefined

async function shards(): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const names = ['config.json', ...[1, 2, 3].map((i) => `model-0000${i}-of-00003.safetensors`)]
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readTestFile(`${SHARDED}/${name}`)] as const)),
  )
}

export const indexTarget: FuzzTarget = {
  name: 'index',
  seeds: async () => [{ name: INDEX, bytes: await readTestFile(`${SHARDED}/${INDEX}`) }],
  run: async (bytes) => plan(new Map([...(await (files ??= shards())), [INDEX, bytes]])),
}
