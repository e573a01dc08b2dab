/** Random models of the sizes of the published 130M ones, written once into a folder. */
import { access } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { makeFolder, writeAtomically } from '../../src/checkpoints/atomic.ts'
import type { TypedGgufValue } from '../../src/checkpoints/gguf/index.ts'
import { createModel } from '../../src/language/create-model.ts'
import type { ModelConfig } from '../../src/models/config.ts'
import { liveCheckpoint } from '../../src/models/files/live.ts'
import { writeFiles } from '../../src/models/files/folder.ts'
import { folderFiles, ggufFile } from '../../src/models/files/save.ts'
import { byteTokenizer } from '../../src/tokenizers/text/bytes.ts'
import { BYTE_LETTERS } from '../../src/tokenizers/text/byte-letters.ts'
import type { Tokenizer } from '../../src/tokenizers/tokenizer.ts'
import { MAMBA_130M, MAMBA2_130M, syntheticCheckpoint } from '../../test/suites/synthetic.ts'

export const TYPES = ['f32', 'f16', 'q8_0', 'q4_0'] as const
export type Type = (typeof TYPES)[number]
const GGUF_TYPES = { f32: 'F32', f16: 'F16', q8_0: 'Q8_0', q4_0: 'Q4_0' } as const

export const SHAPES = { mamba: MAMBA_130M, mamba2: MAMBA2_130M } as const
export type ShapeName = keyof typeof SHAPES

/** Where the files of a model are; made if they are not there. */
export interface ModelFiles {
  gguf(type: Type): Promise<string>
  safetensors(): Promise<string>
}

export function modelFiles(name: ShapeName, cache: string): ModelFiles {
  const saved = syntheticCheckpoint(SHAPES[name])
  return {
    gguf: (type) =>
      once(cache, `${name}-${type}.gguf`, (path) =>
        writeAtomically(path, ggufFile(saved, { type: GGUF_TYPES[type], tokenizer: numerals(SHAPES[name]) })),
      ),
    safetensors: () =>
      once(cache, name, (path) => writeFiles(path, folderFiles(saved, { shardBytes: 1e12 }))),
  }
}

/** A small model as it is before training: width 256, 4 layers, bytes. */
export const trainingFolder = (cache: string): Promise<string> =>
  once(cache, 'mamba-untrained', async (path) => {
    const model = await createModel({
      architecture: 'mamba',
      layers: 4,
      width: 256,
      vocabulary: 256,
      device: 'wasm',
    })
    await writeFiles(path, folderFiles(liveCheckpoint(model)))
    model.device.destroy()
  })

async function once(cache: string, file: string, make: (path: string) => Promise<void>): Promise<string> {
  const path = resolve(cache, file)
  const there = await access(path).then(
    () => true,
    () => false,
  )
  if (there) return path
  console.log(`writing ${join(cache, file)}`)
  await makeFolder(cache)
  await make(path)
  return path
}

/**
 * A vocabulary that llama.cpp opens: ASCII, then tokens that are spelled as their numbers, so that text says
 * which they were.
 */
function numerals({ input }: ModelConfig): Tokenizer {
  const size = 'vocabulary' in input ? input.vocabulary : 0
  const tokens = Array.from({ length: size }, (_, i) => (i < 128 ? BYTE_LETTERS[i] : `<${i}>`))
  const gguf = new Map<string, TypedGgufValue>([
    ['tokenizer.ggml.model', { type: 'STRING', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { type: 'STRING', value: 'gpt-2' }],
    ['tokenizer.ggml.tokens', strings(tokens)],
    ['tokenizer.ggml.merges', strings([])],
    ['tokenizer.ggml.eos_token_id', { type: 'UINT32', value: 0 }],
    ['tokenizer.ggml.add_bos_token', { type: 'BOOL', value: false }],
  ])
  return { ...byteTokenizer, gguf }
}

const strings = (value: readonly string[]): TypedGgufValue => ({
  type: 'ARRAY',
  of: 'STRING',
  value,
})
