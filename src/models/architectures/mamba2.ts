/** Mamba-2 (Dao and Gu 2024, arXiv 2405.21060), as published by state-spaces and transformers. */
import * as v from 'valibot'
import { largestDivisor, Mamba2 } from '../../nn/mixers/mamba2.ts'
import { showShape } from '../../tensor/shape.ts'
import { count, defineArchitecture, layerKind, rate } from '../architecture.ts'
import { Block } from '../layer.ts'
import { ConfigError } from '../../errors.ts'
import type { Fields } from '../layouts/fields.ts'
import { placeSsm } from '../layouts/gguf.ts'
import {
  BACKBONE,
  backboneLayout,
  expectSilu,
  Float,
  readBackbone,
  writeBackbone,
} from '../layouts/hugging-face.ts'
import { refuse as refuseKey, sharedSizes } from '../layouts/state-spaces.ts'
import { isPlainLanguageModel, uniformLayer } from '../stack-config.ts'

const mamba2Kind = layerKind(
  v.strictObject({
    kind: v.literal('mamba2'),
    /** Inner width E = heads × head width. */
    hidden: count,
    headDim: count,
    /** State size N of each head. */
    stateSize: count,
    /** Groups of heads that share B and C. */
    groups: count,
    /** Taps of the convolution. */
    kernel: count,
    bias: v.boolean(),
    convolutionBias: v.boolean(),
    /** delta is clamped to this range after softplus. The upper bound may be infinite. Absent: not at all. */
    deltaLimit: v.optional(
      v.pipe(
        v.tuple([rate, v.pipe(v.number(), v.minValue(0))]),
        v.check(([low, high]) => low <= high, 'two numbers in order'),
        v.readonly(),
      ),
    ),
    /** Whether the norm before the output takes each group on its own. */
    groupedNorm: v.boolean(),
    /** Tokens of a chunk. Absent: what is fastest on the device. */
    chunk: v.optional(count),
    /** Hidden width of a gated MLP after the mixer. Absent: none. */
    mlp: v.optional(count),
  }),
  ({ mlp, ...layer }, context) => {
    const { width, branches, eps } = context
    return new Block(new Mamba2({ ...layer, input: width, output: width, branches, eps }), mlp, context)
  },
)

/** transformers refuses a configuration that says two inner widths. */
function expectExpanded(fields: Fields, hidden: number): void {
  const expand = fields.optional('expand')
  if (expand === undefined || fields.number('expand') * fields.positive('hidden_size') === hidden) return
  throw new ConfigError('two inner widths', {
    where: fields.at('expand'),
    expected: `num_heads × head_dim = ${hidden} to be expand × hidden_size`,
    found: fields.number('expand') * fields.positive('hidden_size'),
  })
}

export type Mamba2Layer = v.InferOutput<(typeof mamba2Kind)['schema']>

export const mamba2 = defineArchitecture({
  type: 'mamba2',
  kinds: [mamba2Kind],
  layer: ({ hidden, headDim = largestDivisor(hidden, 64), stateSize = 64, mlp }): Mamba2Layer => ({
    kind: 'mamba2',
    hidden,
    headDim,
    stateSize,
    groups: 1,
    kernel: 4,
    bias: false,
    convolutionBias: true,
    groupedNorm: false,
    ...(mlp !== undefined && { mlp }),
  }),
  huggingFace: {
    modelType: 'mamba2',
    className: 'Mamba2ForCausalLM',
    base: BACKBONE,
    layout: () => backboneLayout,
    read(fields) {
      expectSilu(fields)
      const headDim = fields.positive('head_dim', 64)
      const heads = fields.positive('num_heads', 128)
      expectExpanded(fields, heads * headDim)
      const layer: Mamba2Layer = {
        kind: 'mamba2',
        hidden: heads * headDim,
        headDim,
        stateSize: fields.positive('state_size', 128),
        groups: fields.positive('n_groups', 8),
        kernel: fields.positive('conv_kernel', 4),
        bias: fields.flag('use_bias', false),
        convolutionBias: fields.flag('use_conv_bias', true),
        ...fields.deltaLimit('time_step_limit'),
        // transformers normalises all channels together, whatever the number of groups.
        groupedNorm: false,
      }
      return readBackbone(fields, layer, false)
    },
    write(config) {
      const layer = uniformLayer<Mamba2Layer>(config, 'mamba2')
      if (!layer || !isPlainLanguageModel(config)) return undefined
      if (layer.groupedNorm && layer.groups > 1) return undefined
      const shared = writeBackbone(config, layer)
      return (
        shared && {
          ...shared,
          head_dim: layer.headDim,
          num_heads: layer.hidden / layer.headDim,
          n_groups: layer.groups,
          chunk_size: layer.chunk ?? 256,
          ...(layer.deltaLimit && { time_step_limit: layer.deltaLimit.map((limit) => new Float(limit)) }),
        }
      )
    },
  },
  stateSpaces: {
    layer: 'Mamba2',
    read(ssm, width): Mamba2Layer {
      const shared = sharedSizes(ssm, width)
      if (!ssm.flag('rmsnorm', true)) refuseKey(ssm, 'rmsnorm', 'true', false)
      for (const key of ['norm_before_gate', 'D_has_hdim']) {
        if (ssm.flag(key, false)) refuseKey(ssm, key, 'false', true)
      }
      if (ssm.positive('d_ssm', shared.hidden) !== shared.hidden) {
        refuseKey(ssm, 'd_ssm', shared.hidden, ssm.optional('d_ssm'))
      }
      return {
        kind: 'mamba2',
        ...shared,
        headDim: ssm.positive('headdim', 64),
        stateSize: ssm.positive('d_state', 128),
        groups: ssm.positive('ngroups', 1),
        ...ssm.deltaLimit('dt_limit'),
        groupedNorm: true,
      }
    },
  },
  gguf: {
    name: 'mamba2',
    read: (fields, { hidden, stateSize, kernel, bias, convolutionBias, rank: heads }): Mamba2Layer => ({
      kind: 'mamba2',
      hidden,
      stateSize,
      kernel,
      bias,
      convolutionBias,
      headDim: hidden / heads,
      groups: fields.positive('mamba2.ssm.group_count', 1),
      groupedNorm: true,
    }),
    write(config, refuse) {
      const layer = uniformLayer<Mamba2Layer>(config, 'mamba2')
      if (!layer) return undefined
      const { hidden, headDim, stateSize, kernel, groups, groupedNorm, deltaLimit, bias } = layer
      if (bias) return refuse('GGUF has no bias of the projections')
      if (groups > 1 && !groupedNorm) {
        return refuse('llama.cpp normalises each group on its own, this model all together', groups)
      }
      if (deltaLimit) return refuse('llama.cpp does not limit delta', showShape(deltaLimit))
      const entries = [['mamba2.ssm.group_count', groups] as const]
      return { hidden, stateSize, kernel, rank: hidden / headDim, entries }
    },
    place(path, parameter, layer) {
      const placed = placeSsm(path, parameter, {
        'mixer.dt_bias': 'ssm_dt.bias',
        'mixer.norm.weight': 'ssm_norm.weight',
      })
      const [size] = parameter.shape
      // A and D are columns, and the norm has a row for each group.
      if (placed && (path === 'mixer.A_log' || path === 'mixer.D')) return { ...placed, shape: [size, 1] }
      const { groups } = layer as Mamba2Layer
      return placed && path === 'mixer.norm.weight' ? { ...placed, shape: [groups, size / groups] } : placed
    },
  },
})
