import { expect, test } from 'vitest'
import { writeSafetensors } from '../../checkpoints/safetensors-writer.ts'
import { openCheckpoint } from '../files/open.ts'

test('params.json beside consolidated.safetensors, as Mistral publishes Codestral-Mamba', async () => {
  const params = {
    dim: 64,
    n_layers: 2,
    vocab_size: 40,
    n_groups: 2,
    rms_norm: true,
    residual_in_fp32: true,
    fused_add_norm: true,
    pad_vocab_size_multiple: 1,
    tie_embeddings: false,
    model_type: 'mamba',
  }
  const embedding = { shape: [40, 64], data: new Float32Array(40 * 64) }
  const files = new Map([
    ['params.json', new TextEncoder().encode(JSON.stringify(params))],
    ['consolidated.safetensors', writeSafetensors(new Map([['model.backbone.embedding.weight', embedding]]))],
  ])
  const { config, tensors } = await openCheckpoint(files, { onWarning: () => {} })
  expect(config).toMatchObject({ width: 64, input: { vocabulary: 40 }, tieEmbeddings: false })
  expect(config.layers).toHaveLength(2)
  // Each group has a norm of its own, as in the original code.
  expect(config.layers[0]).toMatchObject({ kind: 'mamba2', hidden: 128, groups: 2, groupedNorm: true })
  expect([...tensors.keys()]).toEqual(['backbone.embeddings.weight'])
})
