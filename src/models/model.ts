import { activeTape } from '../autograd/tape.ts'
import type { AnyDevice } from '../devices/device.ts'
import { ConfigError, ShapeError } from '../errors.ts'
import { normal as normalInit } from '../nn/initializers.ts'
import { Linear } from '../nn/linear.ts'
import type { SequenceOptions, State } from '../nn/module.ts'
import { RMSNorm } from '../nn/norm.ts'
import type { Parameters } from '../nn/parameters.ts'
import {
  divide,
  embeddingBy,
  linearBy,
  matmul,
  mean,
  recompute,
  reshape,
  slice,
  sum,
  type Weight,
} from '../ops/index.ts'
import { scope } from '../tensor/scope.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import { addAndNorm, Block, type Stream } from './block.ts'
import { eachOf, type ModelConfig } from './config.ts'

export interface ForwardOptions extends Omit<SequenceOptions, 'state'> {
  /** What each layer remembers of what came before. */
  readonly states?: readonly State[] | undefined
  /** Keep nothing inside layers for backward: compute it again there. */
  readonly recompute?: boolean
  /**
   * f32 [B, L]: 1 where a position belongs to its sequence, 0 where it is padding on the right; at least one 1 a row. A head with one
   * result for a sequence takes the mean over what belongs to it. Other heads give results for padding too, which mean nothing.
   */
  readonly mask?: Tensor | undefined
}

/** Numbers on the host, with their shape. */
export interface HostTensor {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/**
 * A sequence model: embedding (or input projection), blocks, a last norm, and a head. Parameter names are those of the published
 * `mamba` and `mamba2` checkpoints; other layers continue them.
 */
export class Model {
  readonly config: ModelConfig
  readonly device: AnyDevice
  readonly parameters: Parameters
  readonly blocks: readonly Block[]
  readonly #embedding: Weight | undefined
  readonly #input: Linear | undefined
  readonly #norm: RMSNorm
  readonly #head: Linear | undefined
  #version = 0

  constructor(config: ModelConfig, parameters: Parameters) {
    this.config = config
    this.device = parameters.device
    this.parameters = parameters
    const { width, input, head } = config
    const backbone = parameters.at('backbone')
    if ('vocabulary' in input) {
      this.#embedding = backbone.matrix('embeddings.weight', [input.vocabulary, width], normalInit(0.02))
    } else {
      this.#input = new Linear(backbone.at('input'), { input: input.features, output: width, bias: true })
    }
    this.blocks = config.layers.map((layer, i) => new Block(layer, config, backbone.at(`layers.${i}`)))
    this.#norm = new RMSNorm(backbone.at('norm_f'), width, config.eps)
    if (head.kind === 'language') {
      if (!('vocabulary' in input))
        throw new ConfigError('a language model needs a vocabulary', { where: 'model' })
      if (!config.tieEmbeddings) {
        this.#head = new Linear(parameters.at('lm_head'), { input: width, output: input.vocabulary })
      }
    } else {
      const output = head.kind === 'classifier' ? head.classes : head.outputs
      this.#head = new Linear(parameters.at('head'), { input: width, output, bias: true })
    }
  }

  /** Rises whenever the parameters change: what was computed from them before is then out of date. */
  get version(): number {
    return this.#version
  }

  /** Says that parameters have changed. */
  changed(): void {
    this.#version++
  }

  /** Size of the vocabulary, of a model that takes tokens. */
  get vocabulary(): number {
    const { input } = this.config
    if (!('vocabulary' in input))
      throw new ConfigError('the model takes features, not tokens', { where: 'model' })
    return input.vocabulary
  }

  /** Number of parameters. */
  get size(): number {
    return this.parameters.size
  }

  /** Input (tokens i32 [B, L] or features [B, L, F]) to the last hidden vectors [B, L, width], and the states after it. */
  hidden(
    input: Tensor,
    options: ForwardOptions = {},
  ): { readonly y: Tensor; readonly states: readonly State[] } {
    const states: State[] = []
    let stream: Stream = { branch: this.#embed(input), residual: undefined }
    for (const [i, block] of this.blocks.entries()) {
      const inner = { state: options.states?.[i], reset: options.reset, past: options.past }
      const made = options.recompute
        ? recomputed(block, stream, inner, this.#under(i))
        : contained(block, stream, inner)
      stream = made
      states.push(made.state)
    }
    return { y: addAndNorm(this.#norm, stream).y, states }
  }

  /**
   * What the head says for each position: language model [B, L, V], classifier [B, L, classes], regression [B, L, outputs]. Or, if it
   * has one result for a sequence, of the mean over positions: [B, classes], [B, outputs].
   */
  forward(
    input: Tensor,
    options: ForwardOptions = {},
  ): { readonly y: Tensor; readonly states: readonly State[] } {
    const { y, states } = this.hidden(input, options)
    const pooled = eachOf(this.config.head) === 'sequence'
    return { y: this.project(pooled ? meanOf(y, options.mask) : y), states }
  }

  /** Hidden vectors [..., width] through the head. */
  project(y: Tensor): Tensor {
    return this.#head ? this.#head.forward(y) : linearBy(y, this.#embedding!)
  }

  /** Logits [B, V] after the last position of tokens i32 [B, L]: only that position goes through the head. */
  last(
    tokens: Tensor,
    options: ForwardOptions = {},
  ): { readonly logits: Tensor; readonly states: readonly State[] } {
    const { y, states } = this.hidden(tokens, options)
    const [batch, length, width] = y.shape as [number, number, number]
    return { logits: this.project(reshape(slice(y, 1, length - 1, length), [batch, width])), states }
  }

  /** One position: input i32 [B] (or features [B, F]) to what the head says [B, …]. States change in place. */
  step(input: Tensor, states: readonly State[], past?: Tensor): Tensor {
    let stream: Stream = { branch: this.#embed(input), residual: undefined }
    for (const [i, block] of this.blocks.entries()) stream = block.step(stream, states[i], past)
    return this.project(addAndNorm(this.#norm, stream).y)
  }

  /** States of zeros, for `batch` sequences. `capacity` is the most positions that attention layers can hold. */
  createStates(batch: number, capacity = 0): State[] {
    return this.blocks.map((block) => block.mixer.createState(batch, capacity))
  }

  /**
   * Logits for token ids, [batch][length], on the host: shape [batch, length, vocabulary]. Rows of different lengths are padded on
   * the left by the caller; `mask` [batch][length] is 0 there and 1 elsewhere. What stands there changes nothing; its logits are 0.
   */
  async logits(
    tokens: readonly (readonly number[])[],
    { mask }: { readonly mask?: readonly (readonly number[])[] } = {},
  ): Promise<HostTensor> {
    const padding = mask && paddingOf(tokens, mask)
    const ids = this.tokens(tokens)
    const reset = padding && tensor(this.device, resets(padding, ids.shape), ids.shape)
    const { y } = scope(() => ({ y: this.forward(ids, { reset }).y }))
    try {
      const data = (await y.read()) as Float32Array
      const row = data.length / ids.shape[0]
      padding?.forEach((count, i) => data.fill(0, i * row, i * row + count * y.width))
      return { data, shape: y.shape }
    } finally {
      y.dispose()
      ids.dispose()
      reset?.dispose()
    }
  }

  /** Token ids as a tensor i32 [batch, length]. Refuses ids outside the vocabulary and ragged rows. */
  tokens(rows: readonly (readonly number[])[]): Tensor {
    const length = rows[0]?.length ?? 0
    const { vocabulary } = this
    for (const [i, row] of rows.entries()) {
      if (row.length !== length) {
        throw new ShapeError('rows of tokens differ in length', {
          where: `tokens[${i}]`,
          expected: length,
          found: row.length,
        })
      }
      const wrong = row.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabulary)
      if (wrong >= 0) {
        throw new ShapeError('token id outside the vocabulary', {
          where: `tokens[${i}][${wrong}]`,
          expected: `0 to ${vocabulary - 1}`,
          found: row[wrong],
        })
      }
    }
    if (length === 0) throw new ShapeError('no tokens', { where: 'tokens' })
    return tensor(this.device, Int32Array.from(rows.flat()), [rows.length, length])
  }

  dispose(): void {
    this.parameters.dispose()
  }

  #embed(input: Tensor): Tensor {
    return this.#embedding ? embeddingBy(input, this.#embedding) : this.#input!.forward(input)
  }

  #under(layer: number): Tensor[] {
    const prefix = `backbone.layers.${layer}.`
    return [...this.parameters.all]
      .filter(([name]) => name.startsWith(prefix))
      .map(([, { tensor: each }]) => each)
  }
}

/** Mean over the positions of y [B, L, D] that belong to their sequence, [B, D]: Σ mask y / Σ mask. */
function meanOf(y: Tensor, mask: Tensor | undefined): Tensor {
  if (!mask) return mean(y, [1])
  const [batch, length, width] = y.shape as [number, number, number]
  const total = matmul({ a: reshape(mask, [batch, 1, length]), b: y })
  return reshape(divide(total, reshape(sum(mask, [1]), [batch, 1, 1])), [batch, width])
}

/** How many positions at the beginning of each row are padding. */
function paddingOf(tokens: readonly (readonly number[])[], mask: readonly (readonly number[])[]): number[] {
  return tokens.map((row, i) => {
    const marks = mask[i] ?? []
    const first = marks.findIndex((mark) => mark !== 0)
    if (marks.length !== row.length || first < 0 || marks.slice(first).includes(0)) {
      throw new ShapeError('a mask has zeros on the left and ones up to the end', {
        where: `mask[${i}]`,
        expected: `${row.length} marks, at least one of them 1`,
        found: marks.join(' '),
      })
    }
    return first
  })
}

/** A sequence begins at the first position that is no padding: whatever came before is forgotten there. */
function resets(padding: readonly number[], [batch, length]: readonly number[]): Int32Array {
  const reset = new Int32Array(batch * length)
  padding.forEach((count, i) => (reset[i * length + count] = 1))
  return reset
}

/** Without a tape nothing of a block's inside outlives it, nor the stream that it was given. */
function contained(block: Block, stream: Stream, options: SequenceOptions): ReturnType<Block['sequence']> {
  if (activeTape()) return block.sequence(stream, options)
  const made = scope(() => block.sequence(stream, options))
  for (const each of [stream.branch, stream.residual]) if (each !== made.residual) each?.dispose()
  return made
}

function recomputed(
  block: Block,
  stream: Stream,
  options: SequenceOptions,
  parameters: readonly Tensor[],
): Stream & { readonly state: State } {
  const { branch, residual } = stream
  const from = [branch, ...(residual ? [residual] : []), ...Object.values(options.state ?? {}), ...parameters]
  const {
    branch: next,
    residual: sum,
    ...state
  } = recompute(from, () => {
    const made = block.sequence(stream, options)
    return { branch: made.branch, residual: made.residual!, ...made.state }
  })
  return { branch: next, residual: sum, state }
}
