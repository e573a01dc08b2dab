/** Checkpoints of random values that are made as they are read: any size, no memory. */
import { headerOf, inOrder, type TensorPlan } from '../../src/checkpoints/safetensors-writer.ts'
import { sourceOf, type FileSource } from '../../src/checkpoints/source.ts'
import type { StoredTensor } from '../../src/checkpoints/stored.ts'
import type { ModelConfig } from '../../src/models/config.ts'
import { configText } from '../../src/models/published.ts'
import { Stack } from '../../src/models/stack.ts'
import { walk } from '../../src/nn/module.ts'
import type { Saved } from '../../src/models/files/save.ts'
import { sizeOf, type Shape } from '../../src/tensor/shape.ts'
import { pytorchParts, sourceOfParts, type Filled } from './pytorch-writer.ts'

/** The sizes of the published 130M models: vocabulary padded to a multiple of 8 and 16. */
export const MAMBA_130M: ModelConfig = {
  width: 768,
  layers: Array.from({ length: 24 }, () => ({
    kind: 'mamba',
    hidden: 1536,
    stateSize: 16,
    kernel: 4,
    deltaRank: 48,
    bias: false,
    convolutionBias: true,
  })),
  input: { vocabulary: 50280 },
  head: { kind: 'language' },
  tieEmbeddings: true,
  eps: 1e-5,
}

export const MAMBA2_130M: ModelConfig = {
  ...MAMBA_130M,
  layers: Array.from({ length: 24 }, () => ({
    kind: 'mamba2',
    hidden: 1536,
    headDim: 64,
    stateSize: 128,
    groups: 1,
    kernel: 4,
    bias: false,
    convolutionBias: true,
    groupedNorm: false,
  })),
  input: { vocabulary: 50288 },
}

/** Values that depend on name and place alone, so that they can be read in any pieces. */
export function syntheticCheckpoint(config: ModelConfig): Saved {
  const tensors = new Map<string, StoredTensor>()
  for (const { path, parameter } of walk(new Stack(config))) {
    tensors.set(path, synthetic(path, parameter.shape))
  }
  return { where: 'synthetic', config, tensors }
}

function synthetic(name: string, shape: Shape): StoredTensor {
  const size = sizeOf(shape)
  return {
    dtype: 'F32',
    shape,
    read(begin = 0, end = size, staging) {
      const values = staging ? staging.floats(end - begin) : new Float32Array(end - begin)
      fillSynthetic(name, shape, begin, values)
      return Promise.resolve(values)
    },
  }
}

/** The values of a tensor from element `begin` on. */
function fillSynthetic(name: string, shape: Shape, begin: number, into: Float32Array): void {
  const seed = Array.from(name).reduce((hash, letter) => Math.imul(hash, 31) + letter.charCodeAt(0), 7)
  const [mean, spread] = rangeOf(name, shape)
  for (let i = 0; i < into.length; i++) {
    // A hash of the place (Murmur3's finish), as a number in [-1, 1).
    let hash = Math.imul(seed ^ (begin + i), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    into[i] = mean + spread * ((hash ^ (hash >>> 16)) / 2 ** 31)
  }
}

/** A synthetic checkpoint in the layout of transformers. */
export function huggingFaceFiles({ config, tensors }: Saved): Map<string, FileSource> {
  const plans = [...tensors].map(([name, { shape }]): TensorPlan => ({
    name,
    dtype: 'F32',
    shape,
    bytes: () => [],
  }))
  const sorted = inOrder(plans)
  const parts = [headerOf(sorted, { format: 'pt' }), ...sorted.map(({ name, shape }) => filled(name, shape))]
  return new Map([
    ['config.json', sourceOf(utf8(configText(config)))],
    ['model.safetensors', sourceOfParts(parts)],
  ])
}

/** The same in the layout of state-spaces, of their 130M models. */
export function stateSpacesFiles({ config, tensors }: Saved): Map<string, FileSource> {
  const vocabulary = 'vocabulary' in config.input ? config.input.vocabulary : 0
  const layer = config.layers[0].kind === 'mamba2' ? { layer: 'Mamba2' } : {}
  const json = {
    d_model: config.width,
    n_layer: config.layers.length,
    vocab_size: 50277,
    ssm_cfg: layer,
    rms_norm: true,
    residual_in_fp32: true,
    fused_add_norm: true,
    pad_vocab_size_multiple: vocabulary % 16 === 0 ? 16 : 8,
  }
  const entries = [...tensors].map(([name, { shape }]) => {
    const entry = { dtype: 'F32', shape, data: filled(name, shape) } as const
    return [name.replace('.embeddings.', '.embedding.'), entry] as const
  })
  return new Map([
    ['config.json', sourceOf(utf8(JSON.stringify(json)))],
    ['pytorch_model.bin', sourceOfParts(pytorchParts(entries))],
  ])
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const filled = (name: string, shape: Shape): Filled => ({
  bytes: 4 * sizeOf(shape),
  fill: (offset, into) => fillBytes(name, shape, offset, into),
})

/** Bytes of float32 values from any byte on. */
function fillBytes(name: string, shape: Shape, offset: number, into: Uint8Array): void {
  const first = Math.floor(offset / 4)
  const values = new Float32Array(Math.ceil((offset + into.length) / 4) - first)
  fillSynthetic(name, shape, first, values)
  into.set(new Uint8Array(values.buffer).subarray(offset - 4 * first, offset - 4 * first + into.length))
}

/** Middle and half width of values as they are in trained models, roughly. */
function rangeOf(name: string, shape: Shape): readonly [mean: number, spread: number] {
  if (name.endsWith('A_log')) return [1.4, 1.3]
  if (/norm.*weight$|\.D$/.test(name)) return [1, 0.3]
  if (/dt_bias$|dt_proj\.bias$/.test(name)) return [-4, 2]
  if (/conv1d/.test(name)) return [0, 0.4]
  if (/embeddings/.test(name)) return [0, 0.05]
  return [0, Math.sqrt(3 / shape.at(-1)!)]
}
