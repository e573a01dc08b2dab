/**
 * Mamba-2 in one file, to be read beside the paper: Dao and Gu, "Transformers are SSMs" (2024, arXiv
 * 2405.21060). It computes what the library computes, from small operations instead of fused kernels;
 * test/docs/examples.test.ts compares the two.
 *
 * Shapes: batch b, length l, width d, inner width e, heads h of width p (e = h p), state size n, taps of the
 * convolution k, chunk q, vocabulary v. One group: all heads share B and C. Weights have the names and shapes
 * of published checkpoints.
 */
import { tensor, type Tensor } from 'sidewinder'
import * as ops from 'sidewinder/ops'

/** The parameter of this name, without its layer: 'A_log' for 'backbone.layers.0.mixer.A_log'. */
export type Weights = (name: string) => Tensor

/**
 * What a layer remembers: the last k - 1 inputs of its convolution [b, e + 2 n, k - 1], and a state for each
 * head [b, p, n].
 */
export interface LayerState {
  readonly window: Tensor
  readonly heads: readonly Tensor[]
}

/**
 * Positions that are worked on as one matrix (section 6: the block size Q). The result does not depend on it.
 */
const CHUNK = 16

/**
 * The paper's segment sum (listing 1). From a [b, q]: out [b, q, q], out[l, s] = a[s+1] + … + a[l], and -∞
 * for s > l.
 */
function segmentSums(a: Tensor): Tensor {
  const q = a.width
  const sums = cumulativeSums(a)
  const differences = ops.subtract(ops.reshape(sums, [-1, q, 1]), ops.reshape(sums, [-1, 1, q]))
  return ops.add(
    differences,
    triangle(a, (l, s) => (s > l ? -1e9 : 0)),
  )
}

/** out[l] = a[0] + … + a[l], for a [b, q]: a product with a triangle of ones. */
function cumulativeSums(a: Tensor): Tensor {
  return ops.matmul({ a, b: triangle(a, (t, l) => (t <= l ? 1 : 0)) })
}

/** A constant matrix [q, q] for a [b, q]. */
function triangle(a: Tensor, value: (row: number, column: number) => number): Tensor {
  const q = a.width
  const values = Float32Array.from({ length: q * q }, (_, i) => value(Math.floor(i / q), i % q))
  return tensor(a.device, values, [q, q])
}

/**
 * State-space duality for one chunk of one head (section 6, listing 1): from x Δ [b, q, p], the exponents a =
 * A Δ [b, q], B and C [b, q, n], and the state before the chunk [b, p, n]: the output [b, q, p] and the state
 * after it.
 */
function ssdChunk(x: Tensor, a: Tensor, B: Tensor, C: Tensor, state: Tensor): { y: Tensor; state: Tensor } {
  const q = a.width
  const sums = cumulativeSums(a)
  const total = ops.slice(sums, 1, q - 1, q) // [b, 1]
  // 1. Within the chunk (diagonal blocks): attention without softmax, (L ∘ C Bᵀ) X, with the decays as its
  //   mask L.
  const L = ops.exp(segmentSums(a)) // [b, q, q]
  const scores = ops.matmul({ a: C, b: B }, { transposeB: true }) // [b, q, q]
  const inside = ops.matmul({ a: ops.multiply(L, scores), b: x })
  // 2. What the chunk adds to the state: each input, decayed to the chunk's end.
  const decayEnd = ops.exp(ops.subtract(total, sums)) // [b, q]
  const kept = ops.multiply(ops.reshape(decayEnd, [-1, q, 1]), x)
  const added = ops.matmul({ a: kept, b: B }, { transposeA: true }) // [b, p, n]
  // 3. From chunk to chunk: the recurrence, at the pace of chunks.
  const through = ops.reshape(ops.exp(total), [-1, 1, 1])
  const next = ops.add(ops.multiply(through, state), added)
  // 4. What the outputs see of the state before the chunk (off-diagonal blocks).
  const decayIn = ops.reshape(ops.exp(sums), [-1, q, 1])
  const outside = ops.multiply(decayIn, ops.matmul({ a: C, b: state }, { transposeB: true }))
  return { y: ops.add(inside, outside), state: next }
}

/**
 * What goes into SSD: x [b, l, e], Δ [b, l, h], B and C [b, l, n], without l for one position; A and D [h].
 */
type Inputs = Record<'x' | 'delta' | 'A' | 'B' | 'C' | 'D', Tensor>

/** The part of one head in its last axis. */
function ofHead(head: number, { x, delta, A, D }: Inputs) {
  const part = (of: Tensor, width = 1): Tensor => ops.slice(of, -1, head * width, (head + 1) * width)
  const input = part(x, x.width / A.size) // [b, l, p]
  const step = part(delta) // [b, l, 1]
  return { step, scaled: ops.multiply(input, step), skip: ops.multiply(input, part(D)), A: part(A) }
}

/** SSD over a sequence, from states of zeros: y [b, l, e], and the state of each head after it. */
function ssd(inputs: Inputs): { y: Tensor; heads: Tensor[] } {
  const { x, A, B, C } = inputs
  const [b, l, e] = x.shape
  const outputs: Tensor[] = []
  const heads: Tensor[] = []
  for (let head = 0; head < A.size; head++) {
    const own = ofHead(head, inputs)
    const a = ops.reshape(ops.multiply(own.step, own.A), [b, l])
    let state = ops.zeros(x.device, [b, e / A.size, B.width])
    const chunks: Tensor[] = []
    for (let first = 0; first < l; first += CHUNK) {
      const part = (of: Tensor): Tensor => ops.slice(of, 1, first, Math.min(first + CHUNK, l))
      const chunk = ssdChunk(part(own.scaled), part(a), part(B), part(C), state)
      chunks.push(ops.reshape(chunk.y, [b, -1]))
      state = chunk.state
    }
    outputs.push(ops.add(ops.reshape(ops.concat(chunks), own.skip.shape), own.skip))
    heads.push(state)
  }
  return { y: ops.concat(outputs), heads }
}

/**
 * One position of the same, as the recurrence that it stands for (section 2): h = exp(Δ A) h + Δ x Bᵀ, y = h
 * C + D x.
 */
function ssdStep(inputs: Inputs, before: readonly Tensor[]): { y: Tensor; heads: Tensor[] } {
  const [b, n] = inputs.B.shape
  const B = ops.reshape(inputs.B, [b, 1, n])
  const C = ops.reshape(inputs.C, [b, 1, n])
  const steps = before.map((state, head) => {
    const own = ofHead(head, inputs)
    const decay = ops.reshape(ops.exp(ops.multiply(own.step, own.A)), [b, 1, 1])
    const added = ops.multiply(ops.reshape(own.scaled, [b, -1, 1]), B) // [b, p, n]
    const next = ops.add(ops.multiply(decay, state), added)
    return { next, y: ops.add(ops.sum(ops.multiply(next, C), [2]), own.skip) }
  })
  return { y: ops.concat(steps.map(({ y }) => y)), heads: steps.map(({ next }) => next) }
}

/**
 * The short causal convolution of each channel, and SiLU: y [b, l, e + 2 n], and the last inputs. A window
 * given moves on in place.
 */
function convolve(x: Tensor, w: Weights, window?: Tensor): { y: Tensor; window: Tensor } {
  const inputs = { x, weight: ops.reshape(w('conv1d.weight'), [x.width, -1]), bias: w('conv1d.bias') }
  if (window) return { ...ops.causalConv1dUpdate({ ...inputs, window }, { activation: 'silu' }), window }
  const { y, finalWindow } = ops.causalConv1d(inputs, { activation: 'silu' })
  return { y, window: finalWindow }
}

/**
 * The Mamba-2 block (section 7.1, figure 6): u [b, l, d] to y [b, l, d]. With a state, u is the next
 * position, [b, d].
 */
export function mamba2(u: Tensor, w: Weights, state?: LayerState): { y: Tensor; state: LayerState } {
  const e = w('norm.weight').size
  const h = w('A_log').size
  const n = (w('conv1d.weight').shape[0] - e) / 2
  // Unlike in Mamba-1, all of z, x, B, C and Δ come from the input at once.
  const [z, xBC, raw] = ops.split(ops.linear(u, w('in_proj.weight')), [e, e + 2 * n, h])
  const { y: convolved, window } = convolve(xBC, w, state?.window)
  const [x, B, C] = ops.split(convolved, [e, n, n])
  const delta = ops.softplus(ops.add(raw, w('dt_bias')))
  const A = ops.scale(ops.exp(w('A_log')), -1)
  const inputs = { x, delta, A, B, C, D: w('D') }
  const { y, heads } = state ? ssdStep(inputs, state.heads) : ssd(inputs)
  // The gate, then a norm before the output projection, which keeps large models stable.
  const gated = ops.multiply(y, ops.silu(z))
  const { y: normed } = ops.rmsNorm({ x: gated, weight: w('norm.weight') }, { eps: 1e-5 })
  return { y: ops.linear(normed, w('out_proj.weight')), state: { window, heads } }
}

/**
 * A language model: tokens i32 [b, l] to logits [b, l, v] and the states after them. With states, tokens are
 * the next position [b], and the logits [b, v].
 */
export function languageModel(
  tokens: Tensor,
  w: Weights,
  layers: number,
  states?: readonly LayerState[],
): { logits: Tensor; states: LayerState[] } {
  const embeddings = w('backbone.embeddings.weight') // [v, d]
  const after: LayerState[] = []
  let x = ops.embedding({ weight: embeddings, tokens })
  for (let layer = 0; layer < layers; layer++) {
    const own = (name: string): Tensor => w(`backbone.layers.${layer}.${name}`)
    const { y: normed } = ops.rmsNorm({ x, weight: own('norm.weight') }, { eps: 1e-5 })
    const mixed = mamba2(normed, (name) => own(`mixer.${name}`), states?.[layer])
    x = ops.add(x, mixed.y)
    after.push(mixed.state)
  }
  const { y } = ops.rmsNorm({ x, weight: w('backbone.norm_f.weight') }, { eps: 1e-5 })
  return { logits: ops.linear(y, embeddings), states: after } // the head is the embedding, transposed
}
