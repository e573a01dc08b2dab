/** `mamba` and `mamba2` as GGUF files hold them: metadata to a ModelConfig and back, and the names of the tensors. */
import type { StoredTensor } from '../checkpoints/stored.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import { showShape, sizeOf, type Shape } from '../tensor/shape.ts'
import type { LayerConfig, Mamba2Layer, MambaLayer, ModelConfig } from './config.ts'
import { Fields } from './fields.ts'

type Metadata = ReadonlyMap<string, unknown>
type Tensors = ReadonlyMap<string, StoredTensor>

const ARCHITECTURES = ['mamba', 'mamba2']
/** Ours: llama.cpp has one epsilon for all norms, Falcon-Mamba two. */
const INNER_EPS = 'sidewinder.inner_norm_epsilon'

/** Reads the metadata of a file; its tensors say what the metadata do not. `where` names the file in errors. */
export function fromGguf(metadata: Metadata, tensors: Tensors, where: string): ModelConfig {
  const fields = new Fields(Object.fromEntries(metadata), where)
  const architecture = fields.text('general.architecture')
  if (!ARCHITECTURES.includes(architecture)) {
    throw new ConfigError('unknown architecture', {
      where: fields.at('general.architecture'),
      expected: ARCHITECTURES.join(' or '),
      found: architecture,
    })
  }
  const at = (key: string): string => `${architecture}.${key}`
  const eps = fields.number(at('attention.layer_norm_rms_epsilon'), 1e-5)
  const shared = {
    hidden: fields.positive(at('ssm.inner_size')),
    state: fields.positive(at('ssm.state_size')),
    kernel: fields.positive(at('ssm.conv_kernel')),
    bias: false,
    convolutionBias: tensors.has('blk.0.ssm_conv1d.bias'),
  }
  const rank = fields.positive(at('ssm.time_step_rank'))
  const inner = fields.flag(at('ssm.dt_b_c_rms'), false) ? { innerNorm: fields.number(INNER_EPS, eps) } : {}
  const layer: MambaLayer | Mamba2Layer =
    architecture === 'mamba'
      ? { kind: 'mamba', ...shared, deltaRank: rank, ...inner }
      : {
          kind: 'mamba2',
          ...shared,
          // The rank of Mamba-2 is its number of heads.
          headWidth: shared.hidden / rank,
          groups: fields.positive(at('ssm.group_count'), 1),
          groupedNorm: true,
        }
  const count = fields.layers(at('block_count'))
  const embeddings = tensors.get('token_embd.weight')
  if (!embeddings) {
    throw new CheckpointError('missing tensor', { where, expected: 'token_embd.weight' })
  }
  return {
    width: fields.positive(at('embedding_length')),
    layers: Array.from({ length: count }, () => layer),
    input: { vocabulary: embeddings.shape[0] ?? 0 },
    head: { kind: 'language' },
    tieEmbeddings: !tensors.has('output.weight'),
    eps,
  }
}

/** Metadata that llama.cpp needs of the model itself (not of the tokenizer). */
export function toGguf(
  config: ModelConfig,
  where: string,
): Map<string, string | number | boolean | { float: number }> {
  const layer = expectExportable(config, where)
  const at = (key: string): string => `${layer.kind}.${key}`
  const metadata = new Map<string, string | number | boolean | { float: number }>([
    ['general.architecture', layer.kind],
    // No limit: the state does not grow. llama.cpp wants a number.
    [at('context_length'), 2 ** 20],
    [at('embedding_length'), config.width],
    [at('feed_forward_length'), 0],
    [at('attention.head_count'), 0],
    [at('block_count'), config.layers.length],
    [at('ssm.conv_kernel'), layer.kernel],
    [at('ssm.inner_size'), layer.hidden],
    [at('ssm.state_size'), layer.state],
    [at('ssm.time_step_rank'), layer.kind === 'mamba' ? layer.deltaRank : layer.hidden / layer.headWidth],
    [at('attention.layer_norm_rms_epsilon'), { float: config.eps }],
  ])
  if (layer.kind === 'mamba2') metadata.set(at('ssm.group_count'), layer.groups)
  else {
    metadata.set(at('ssm.dt_b_c_rms'), layer.innerNorm !== undefined)
    if (layer.innerNorm !== undefined && layer.innerNorm !== config.eps) {
      metadata.set(INNER_EPS, { float: layer.innerNorm })
    }
  }
  return metadata
}

/** The one kind of layer of a model that GGUF has words for. Others would load there and give other numbers. */
function expectExportable({ layers, head }: ModelConfig, where: string): MambaLayer | Mamba2Layer {
  const refuse = (rule: string, found?: unknown): never => {
    throw new ConfigError(rule, { where, found, hint: 'Write safetensors instead' })
  }
  const [layer] = layers as readonly [LayerConfig, ...LayerConfig[]]
  if (head.kind !== 'language') return refuse('GGUF holds language models only', head.kind)
  if (layer.kind !== 'mamba' && layer.kind !== 'mamba2') return refuse('GGUF has no such layers', layer.kind)
  if (layers.some((each) => JSON.stringify(each) !== JSON.stringify(layer))) {
    return refuse('the layers of a GGUF model are all of one kind')
  }
  if (layer.mlp !== undefined) return refuse('GGUF has no MLP beside such layers', layer.mlp)
  if (layer.bias) return refuse('GGUF has no bias of the projections')
  if (layer.kind === 'mamba2') {
    if (layer.groups > 1 && !layer.groupedNorm) {
      return refuse('llama.cpp normalises each group on its own, this model all together', layer.groups)
    }
    if (layer.deltaLimit) return refuse('llama.cpp does not limit delta', showShape(layer.deltaLimit))
  }
  return layer
}

interface Renamed {
  readonly name: string
  /** Shape in the model; absent: as it is in the file. */
  readonly shape?: Shape
}

const BLOCK: Readonly<Record<string, string>> = {
  'attn_norm.weight': 'norm.weight',
  'ssm_in.weight': 'mixer.in_proj.weight',
  'ssm_conv1d.weight': 'mixer.conv1d.weight',
  'ssm_conv1d.bias': 'mixer.conv1d.bias',
  'ssm_x.weight': 'mixer.x_proj.weight',
  'ssm_dt.weight': 'mixer.dt_proj.weight',
  'ssm_dt.bias': 'mixer.dt_proj.bias',
  ssm_a: 'mixer.A',
  ssm_d: 'mixer.D',
  'ssm_norm.weight': 'mixer.norm.weight',
  'ssm_out.weight': 'mixer.out_proj.weight',
}
const ENDS: Readonly<Record<string, string>> = {
  'token_embd.weight': 'backbone.embeddings.weight',
  'output_norm.weight': 'backbone.norm_f.weight',
  'output.weight': 'lm_head.weight',
}

/** The tensors of a file by the names of model parameters, in their shapes. What has no name there keeps its own. */
export function namedFromGguf(tensors: Tensors, config: ModelConfig): Map<string, StoredTensor> {
  const kind = config.layers[0].kind
  const named = new Map<string, StoredTensor>()
  for (const [name, stored] of tensors) {
    const { name: ours, shape } = parameterOf(name, stored.shape, kind)
    named.set(ours, shape ? { ...stored, shape } : stored)
  }
  return named
}

function parameterOf(name: string, shape: Shape, kind: LayerConfig['kind']): Renamed {
  if (Object.hasOwn(ENDS, name)) return { name: ENDS[name] }
  const [, block, rest] = /^blk\.(\d+)\.(.+)$/.exec(name) ?? []
  if (block === undefined || !Object.hasOwn(BLOCK, rest)) return { name }
  const mamba2Bias = kind === 'mamba2' && rest === 'ssm_dt.bias'
  const ours = `backbone.layers.${block}.${mamba2Bias ? 'mixer.dt_bias' : BLOCK[rest]}`
  if (rest === 'ssm_conv1d.weight' && shape.length === 2)
    return { name: ours, shape: [shape[0], 1, shape[1]] }
  // Mamba-2: A and D are columns [heads, 1], the norm is [groups, inner / groups].
  const flat = kind === 'mamba2' && ['ssm_a', 'ssm_d', 'ssm_norm.weight'].includes(rest)
  return flat ? { name: ours, shape: [sizeOf(shape)] } : { name: ours }
}

/** Where a parameter goes in a file, in which shape, and whether it is a matrix that may be quantised. */
export function ggufTensorOf(
  name: string,
  shape: Shape,
  layer: MambaLayer | Mamba2Layer,
): { readonly name: string; readonly shape: Shape; readonly matrix: boolean } {
  for (const [theirs, ours] of Object.entries(ENDS)) {
    if (ours === name) return { name: theirs, shape, matrix: shape.length === 2 }
  }
  const [, block, rest] = /^backbone\.layers\.(\d+)\.(.+)$/.exec(name) ?? []
  const plain = rest?.replace(/mixer\.A_log$/, 'mixer.A').replace(/mixer\.dt_bias$/, 'mixer.dt_proj.bias')
  const [theirs] = Object.entries(BLOCK).find(([, ours]) => ours === plain) ?? []
  if (block === undefined || theirs === undefined) {
    throw new CheckpointError('GGUF has no name for this parameter', { where: name })
  }
  const made = { name: `blk.${block}.${theirs}`, shape, matrix: false }
  if (theirs === 'ssm_conv1d.weight') return { ...made, shape: [shape[0], shape.at(-1)!] }
  if (layer.kind === 'mamba2') {
    if (theirs === 'ssm_a' || theirs === 'ssm_d') return { ...made, shape: [shape[0], 1] }
    if (theirs === 'ssm_norm.weight') return { ...made, shape: [layer.groups, shape[0] / layer.groups] }
  }
  return { ...made, matrix: shape.length === 2 && theirs !== 'ssm_a' }
}
