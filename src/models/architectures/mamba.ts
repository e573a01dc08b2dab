/** Mamba (Gu and Dao 2023, arXiv 2312.00752), as published by state-spaces and transformers. */
import * as v from 'valibot'
import { Mamba1 } from '../../nn/mixers/mamba1.ts'
import { count, defineArchitecture, layerKind, positive, type LayerOptions } from '../architecture.ts'
import { Block } from '../layer.ts'
import type { Fields } from '../layouts/fields.ts'
import { INNER_EPS, placeSsm } from '../layouts/gguf.ts'
import {
  BACKBONE,
  backboneLayout,
  expectSilu,
  readBackbone,
  writeBackbone,
  type Json,
} from '../layouts/hugging-face.ts'
import { sharedSizes } from '../layouts/state-spaces.ts'
import { isPlainLanguageModel, uniformLayer, type StackConfig } from '../stack-config.ts'

const mambaKind = layerKind(
  v.strictObject({
    kind: v.literal('mamba'),
    /** Inner width E. */
    hidden: count,
    /** State size N of each channel. */
    stateSize: count,
    /** Taps of the convolution. */
    kernel: count,
    deltaRank: count,
    bias: v.boolean(),
    convolutionBias: v.boolean(),
    /** Falcon-Mamba: epsilon of RMS norms without weights on delta, B and C. Absent: no such norms. */
    innerNorm: v.optional(positive),
    /** Hidden width of a gated MLP after the mixer. Absent: none. */
    mlp: v.optional(count),
  }),
  ({ mlp, innerNorm: eps, ...layer }, context) => {
    const { width, branches } = context
    const innerNorm = eps === undefined ? undefined : { eps, weights: false }
    const mixer = new Mamba1({ ...layer, innerNorm, input: width, output: width, branches })
    return new Block(mixer, mlp, context)
  },
)

export type MambaLayer = v.InferOutput<(typeof mambaKind)['schema']>

export function mambaLayer({ width, hidden, stateSize = 16, mlp }: LayerOptions): MambaLayer {
  return {
    kind: 'mamba',
    hidden,
    stateSize,
    kernel: 4,
    deltaRank: automaticRank(width),
    bias: false,
    convolutionBias: true,
    ...(mlp !== undefined && { mlp }),
  }
}

/** Rank of delta's projection where none is given (Gu and Dao 2023, section 3.6). */
const automaticRank = (width: number): number => Math.ceil(width / 16)

/** The rank under this key, where absent and `auto` are the same. */
export function readDeltaRank(fields: Fields, key: string, width: number): number {
  const rank = fields.optional(key)
  return rank === undefined || rank === 'auto' ? automaticRank(width) : fields.positive(key)
}

/** A layer from the keys of transformers. */
export function readMambaLayer(fields: Fields): MambaLayer {
  expectSilu(fields)
  const width = fields.positive('hidden_size')
  return {
    kind: 'mamba',
    hidden: fields.positive('intermediate_size', fields.number('expand', 2) * width),
    stateSize: fields.positive('state_size', 16),
    kernel: fields.positive('conv_kernel', 4),
    deltaRank: readDeltaRank(fields, 'time_step_rank', width),
    bias: fields.flag('use_bias', false),
    convolutionBias: fields.flag('use_conv_bias', true),
  }
}

/** The keys of transformers for a model of such layers. */
export function writeMambaKeys(config: StackConfig, layer: MambaLayer): Json | undefined {
  const shared = writeBackbone(config, layer)
  return shared && { ...shared, intermediate_size: layer.hidden, time_step_rank: layer.deltaRank }
}

export const mamba = defineArchitecture({
  type: 'mamba',
  kinds: [mambaKind],
  layer: mambaLayer,
  huggingFace: {
    modelType: 'mamba',
    className: 'MambaForCausalLM',
    base: BACKBONE,
    layout: () => backboneLayout,
    read: (fields) => readBackbone(fields, readMambaLayer(fields), true),
    write(config) {
      const layer = uniformLayer<MambaLayer>(config, 'mamba')
      if (!layer || layer.innerNorm !== undefined || !isPlainLanguageModel(config)) return undefined
      return writeMambaKeys(config, layer)
    },
  },
  stateSpaces: {
    layer: 'Mamba1',
    read: (ssm, width): MambaLayer => ({
      kind: 'mamba',
      ...sharedSizes(ssm, width),
      stateSize: ssm.positive('d_state', 16),
      deltaRank: readDeltaRank(ssm, 'dt_rank', width),
    }),
  },
  // Falcon-Mamba too: GGUF knows it as a Mamba with norms of delta, B and C.
  gguf: {
    name: 'mamba',
    read(fields, { rank, eps, ...sizes }): MambaLayer {
      const normed = fields.flag('mamba.ssm.dt_b_c_rms', false)
      return {
        kind: 'mamba',
        ...sizes,
        deltaRank: rank,
        ...(normed && { innerNorm: fields.number(INNER_EPS, eps) }),
      }
    },
    write(config, refuse) {
      const layer = uniformLayer<MambaLayer>(config, 'mamba')
      if (!layer) return undefined
      const { innerNorm, bias, deltaRank, ...sizes } = layer
      if (bias) return refuse('GGUF has no bias of the projections')
      const other = innerNorm !== undefined && innerNorm !== config.eps
      return {
        ...sizes,
        rank: deltaRank,
        entries: [
          ['mamba.ssm.dt_b_c_rms', innerNorm !== undefined],
          ...(other ? [[INNER_EPS, { float: innerNorm }] as const] : []),
        ],
        warnings: other
          ? [
              `llama.cpp has one epsilon for all norms: it takes ${config.eps} for delta, B and C too, not ${innerNorm}`,
            ]
          : [],
      }
    },
    place: (path, parameter) =>
      placeSsm(path, parameter, {
        'mixer.x_proj.weight': 'ssm_x.weight',
        'mixer.dt_proj.weight': 'ssm_dt.weight',
        'mixer.dt_proj.bias': 'ssm_dt.bias',
      }),
  },
})
