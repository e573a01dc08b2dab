/** Models as GGUF files hold them: metadata to a configuration and back, and the names of the tensors. */
import { unreadType, type StoredTensor } from '../../checkpoints/stored.ts'
import { CheckpointError, ConfigError } from '../../errors.ts'
import type { Parameter } from '../../nn/parameter.ts'
import type { AnyLayer, StackConfig } from '../stack-config.ts'
import { Fields } from './fields.ts'
import { layeredLayout, type FileTensor, type Layout } from './layout.ts'

type Metadata = ReadonlyMap<string, unknown>
type Tensors = ReadonlyMap<string, StoredTensor>

/** A value of the metadata: text, a count, a flag, or a 32-bit float. */
export type GgufEntry = string | number | boolean | { readonly float: number }

/** What all state-space layers of GGUF files say. */
export interface GgufSizes {
  readonly hidden: number
  readonly stateSize: number
  readonly kernel: number
  readonly bias: false
  readonly convolutionBias: boolean
  /** Rank of delta's projection; of Mamba-2, the number of heads. */
  readonly rank: number
  readonly eps: number
}

/** A layer, as metadata for all layers. */
export interface GgufLayer {
  readonly hidden: number
  readonly stateSize: number
  readonly kernel: number
  readonly rank: number
  /** Further entries, by their keys below the architecture's. */
  readonly entries: readonly (readonly [key: string, value: GgufEntry])[]
  /** What llama.cpp will compute a little differently. */
  readonly warnings?: readonly string[]
}

export interface GgufLayout {
  /** `general.architecture`. */
  readonly name: string
  read(fields: Fields, sizes: GgufSizes): AnyLayer
  /** undefined: the architecture is not this one. Calls `refuse` for what GGUF has no words for. */
  write(config: StackConfig, refuse: (rule: string, found?: unknown) => never): GgufLayer | undefined
  /** Where a parameter lies below `blk.N.`, by its path below `backbone.layers.N.`. */
  readonly place: (path: string, parameter: Parameter, layer: AnyLayer) => FileTensor | undefined
}

const EMBEDDINGS = 'token_embd.weight'
/** Ours: llama.cpp has one epsilon for all norms, Falcon-Mamba two. */
export const INNER_EPS = 'sidewinder.inner_norm_epsilon'

/**
 * Reads the metadata of a file; its tensors say what the metadata do not. `where` names the file in errors.
 */
export function fromGguf(
  metadata: Metadata,
  tensors: Tensors,
  where: string,
  layouts: readonly GgufLayout[],
): StackConfig {
  const embeddings = tensors.get(EMBEDDINGS)
  if (embeddings?.unread) unreadType(embeddings.dtype, `${where}: ${EMBEDDINGS}`)
  const fields = new Fields(Object.fromEntries(metadata), where)
  const architecture = fields.text('general.architecture')
  const layout = layouts.find(({ name }) => name === architecture)
  if (!layout) {
    throw new ConfigError('unknown architecture', {
      where: fields.at('general.architecture'),
      expected: layouts.map(({ name }) => name).join(' or '),
      found: architecture,
    })
  }
  const at = (key: string): string => `${architecture}.${key}`
  const eps = fields.number(at('attention.layer_norm_rms_epsilon'), 1e-5)
  const layer = layout.read(fields, {
    hidden: fields.positive(at('ssm.inner_size')),
    stateSize: fields.positive(at('ssm.state_size')),
    kernel: fields.positive(at('ssm.conv_kernel')),
    bias: false,
    convolutionBias: tensors.has('blk.0.ssm_conv1d.bias'),
    rank: fields.positive(at('ssm.time_step_rank')),
    eps,
  })
  const count = fields.layers(at('block_count'))
  if (!embeddings) {
    throw new CheckpointError('missing tensor', { where, expected: EMBEDDINGS })
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

export interface GgufModel {
  /** What llama.cpp needs of the model itself (not of the tokenizer). */
  readonly metadata: ReadonlyMap<string, GgufEntry>
  readonly layout: Layout
  readonly warnings: readonly string[]
}

/**
 * How a GGUF file says a configuration.
 *
 * @throws ConfigError naming what GGUF has no words for: others would load it and give other numbers
 */
export function toGguf(config: StackConfig, where: string, layouts: readonly GgufLayout[]): GgufModel {
  const refuse = (rule: string, found?: unknown): never => {
    throw new ConfigError(rule, { where, found, hint: 'Write safetensors instead' })
  }
  const { layers, head, width, eps } = config
  if (head.kind !== 'language') return refuse('GGUF holds language models only', head.kind)
  const mlp = layers.find((layer) => layer.mlp !== undefined)?.mlp
  for (const layout of layouts) {
    const layer = layout.write(config, refuse)
    if (!layer) continue
    if (mlp !== undefined) return refuse('GGUF has no MLP beside such layers', mlp)
    const at = (key: string): string => `${layout.name}.${key}`
    const metadata = new Map<string, GgufEntry>([
      ['general.architecture', layout.name],
      // No limit: the state does not grow. llama.cpp wants a number.
      [at('context_length'), 2 ** 20],
      [at('embedding_length'), width],
      [at('feed_forward_length'), 0],
      [at('attention.head_count'), 0],
      [at('block_count'), layers.length],
      [at('ssm.conv_kernel'), layer.kernel],
      [at('ssm.inner_size'), layer.hidden],
      [at('ssm.state_size'), layer.stateSize],
      [at('ssm.time_step_rank'), layer.rank],
      [at('attention.layer_norm_rms_epsilon'), { float: eps }],
      ...layer.entries,
    ])
    return { metadata, layout: ggufLayout(layout, layers), warnings: layer.warnings ?? [] }
  }
  const [first] = layers
  if (!layouts.some(({ name }) => name === first.kind)) {
    return refuse('such layers are not written to GGUF', first.kind)
  }
  return refuse('the layers of a GGUF model are all of one kind')
}

const ENDS: Readonly<Record<string, string>> = {
  'backbone.embeddings.weight': EMBEDDINGS,
  'backbone.norm_f.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
}

/** The layout of a model of these layers. */
export function ggufLayout({ place }: GgufLayout, layers: readonly AnyLayer[]): Layout {
  return layeredLayout(layers, { prefix: 'blk', ends: ENDS, place })
}

const SSM: Readonly<Record<string, string>> = {
  'norm.weight': 'attn_norm.weight',
  'mixer.in_proj.weight': 'ssm_in.weight',
  'mixer.conv1d.weight': 'ssm_conv1d.weight',
  'mixer.conv1d.bias': 'ssm_conv1d.bias',
  'mixer.A_log': 'ssm_a',
  'mixer.D': 'ssm_d',
  'mixer.out_proj.weight': 'ssm_out.weight',
}

/**
 * The place of what all state-space layers have. A is held itself, not its logarithm, and the taps as a
 * matrix.
 */
export function placeSsm(
  path: string,
  { shape }: Parameter,
  others: Readonly<Record<string, string>>,
): FileTensor | undefined {
  const name = { ...SSM, ...others }[path]
  if (name === undefined) return undefined
  if (path === 'mixer.conv1d.weight') return { name, shape: [shape[0], shape[2]] }
  return path === 'mixer.A_log' ? { name, alternative: true } : { name }
}
