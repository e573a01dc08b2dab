import { activeTape } from '../autograd/tape.ts'
import { ConfigError } from '../errors.ts'
import { asSequence, Normed } from '../nn/input.ts'
import { Embedding, Linear } from '../nn/linear.ts'
import type { SequenceOptions } from '../nn/mixer.ts'
import { Module, walk } from '../nn/module.ts'
import { RMSNorm } from '../nn/norm.ts'
import { note, underPath, unobserved } from '../nn/observe.ts'
import type { State } from '../nn/states.ts'
import { add, divide, matmul, mean, recompute, reshape, sum } from '../ops/index.ts'
import { scope } from '../tensor/scope.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { kindOf, type ModelConfig } from './config.ts'
import type { Layer, Stream } from './layer.ts'
import { eachOf } from './stack-config.ts'

/** What the layers are told besides their input. */
export interface LayersOptions extends Omit<SequenceOptions, 'state'> {
  /** What each layer remembers of what came before. */
  readonly states?: readonly State[] | undefined
  /** Keep nothing inside layers for backward: compute it again there. */
  readonly recompute?: boolean
}

/** Embedding (or input projection), layers, and a last norm. */
class Backbone extends Module {
  readonly embeddings: Embedding | undefined
  readonly input: Linear | undefined
  readonly layers: readonly Layer[]
  readonly normF: RMSNorm

  constructor({ width, eps, input, layers }: ModelConfig) {
    super()
    if ('vocabulary' in input) this.embeddings = new Embedding(input.vocabulary, width)
    else this.input = new Linear({ input: input.features, output: width, bias: true })
    const branches = layers.reduce((count, layer) => count + (layer.mlp === undefined ? 1 : 2), 0)
    this.layers = layers.map((layer) => kindOf(layer).build(layer, { width, eps, branches }))
    this.normF = new RMSNorm(width, eps)
  }

  embed(input: Tensor): Tensor {
    return this.embeddings ? this.embeddings.forward(input) : this.input!.forward(input)
  }
}

/**
 * The modules of a sequence model, as its configuration says: backbone and head. Parameter names are those of
 * the published `mamba` and `mamba2` checkpoints; other layers continue them.
 */
export class Stack extends Module {
  readonly backbone: Backbone
  /**
   * Of a language model: next tokens. With tied embeddings its weight is that of the embedding, one parameter
   * of two names.
   */
  readonly lmHead: Linear | undefined
  /** Of other models: classes or numbers. */
  readonly head: Linear | undefined
  /** Whether the head sees the mean over positions. */
  readonly #pooled: boolean

  constructor(config: ModelConfig) {
    super()
    const { width, input, head, tieEmbeddings } = config
    this.backbone = new Backbone(config)
    this.#pooled = eachOf(head) === 'sequence'
    if (head.kind === 'language') {
      if (!('vocabulary' in input))
        throw new ConfigError('a language model needs a vocabulary', { where: 'model' })
      const weight = tieEmbeddings ? this.backbone.embeddings!.weight : undefined
      this.lmHead = new Linear({ input: width, output: input.vocabulary, ...(weight && { weight }) })
    } else {
      const output = head.kind === 'classifier' ? head.classes : head.outputs
      this.head = new Linear({ input: width, output, bias: true })
    }
  }

  /** The layers, first to last. */
  get layers(): readonly Layer[] {
    return this.backbone.layers
  }

  /**
   * Input (tokens i32 [B, L] or features [B, L, F]) to the last hidden vectors [B, L, width], and the states
   * after it.
   */
  hidden(input: Tensor, options: LayersOptions): { readonly y: Tensor; readonly states: readonly State[] } {
    const states: State[] = []
    let stream = this.#embed(input)
    for (const [i, layer] of this.layers.entries()) {
      const inner = { state: options.states?.[i], reset: options.reset, past: options.past }
      const run = options.recompute ? recomputed : contained
      const { state, ...next } = noted(i, stream, (before) => run(layer, before, inner))
      stream = next
      states.push(state)
    }
    return { y: this.#lastNorm(stream), states }
  }

  /**
   * Hidden vectors [B, L, width] to what the head says: of each position, or of the mean of those that `mask`
   * [B, L] marks.
   */
  project(y: Tensor, mask?: Tensor): Tensor {
    return this.projectRows(this.#pooled ? meanOf(y, mask) : y)
  }

  /** Hidden vectors [..., width] through the head. */
  projectRows(y: Tensor): Tensor {
    const logits = (this.lmHead ?? this.head!).forward(y)
    note('logits', logits)
    return logits
  }

  /**
   * One position: input i32 [B] (or features [B, F]) to what the head says [B, …]. States change in place.
   */
  step(input: Tensor, states: readonly State[], past?: Tensor): Tensor {
    let stream = this.#embed(input)
    for (const [i, layer] of this.layers.entries()) {
      stream = noted(i, stream, (before) => layer.step(before, states[i], past))
    }
    return this.projectRows(this.#lastNorm(stream))
  }

  #embed(input: Tensor): Stream {
    const branch = this.backbone.embed(input)
    underPath('backbone', () => note('embed', () => asSequence(branch)))
    return { branch, residual: undefined }
  }

  #lastNorm({ branch, residual }: Stream): Tensor {
    const y = new Normed(this.backbone.normF, branch, residual).value()
    underPath('backbone', () => note('norm', () => asSequence(y)))
    return y
  }
}

/** Runs layer `i`, under its path, and notes the stream before and after it. */
function noted<S extends Stream>(i: number, before: Stream, run: (before: Stream) => S): S {
  return underPath(`backbone.layers.${i}`, () => {
    note('resid_pre', () => sumOf(before))
    const after = run(before)
    note('resid_post', () => sumOf(after))
    return after
  })
}

/** The residual stream itself [B, L, width]. */
function sumOf({ branch, residual }: Stream): Tensor {
  return asSequence(residual ? add(branch, residual) : branch)
}

/** Mean over the positions of y [B, L, D] that belong to their sequence, [B, D]: Σ mask y / Σ mask. */
function meanOf(y: Tensor, mask: Tensor | undefined): Tensor {
  if (!mask) return mean(y, [1])
  const [batch, length, width] = y.shape as [number, number, number]
  const total = matmul({ a: reshape(mask, [batch, 1, length]), b: y })
  return reshape(divide(total, reshape(sum(mask, [1]), [batch, 1, 1])), [batch, width])
}

type Ran = ReturnType<Layer['sequence']>

/** If no gradients are recorded, frees the layer's temporaries and its input stream. */
function contained(layer: Layer, stream: Stream, options: SequenceOptions): Ran {
  if (activeTape()) return layer.sequence(stream, options)
  const after = scope(() => layer.sequence(stream, options))
  for (const before of [stream.branch, stream.residual]) if (before !== after.residual) before?.dispose()
  return after
}

/**
 * Keeps only what comes in and goes out of the layer; its inside is computed again for the gradient, then
 * unobserved.
 */
function recomputed(layer: Layer, stream: Stream, options: SequenceOptions): Ran {
  const { branch, residual } = stream
  const parameters = walk(layer).map(({ parameter }) => parameter.tensor)
  const from = [branch, ...(residual ? [residual] : []), ...Object.values(options.state ?? {}), ...parameters]
  const run = (): Ran => layer.sequence(stream, options)
  let ran = false
  const {
    branch: next,
    residual: sum,
    ...state
  } = recompute(from, () => {
    const after = ran ? unobserved(run) : run()
    ran = true
    return { branch: after.branch, residual: after.residual!, ...after.state }
  })
  return { branch: next, residual: sum, state }
}
