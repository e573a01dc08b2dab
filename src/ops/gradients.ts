import { Tape, withTape } from '../autograd/tape.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { add } from './elementwise/op.ts'

/**
 * What `withGradients` gives: the body's result and the gradient of each watched tensor that it depends on.
 */
export interface WithGradients<T> {
  readonly result: T
  readonly gradients: Map<Tensor, Tensor>
}

/**
 * Runs `body` on a tape and walks back. `seeds` names the outputs to start from, each with its cotangent (a
 * tensor of the same shape); gradients are those of the sum over outputs of `output · cotangent`.
 */
export function withGradients<T>(
  watched: Iterable<Tensor>,
  body: () => T,
  seeds: (result: T) => ReadonlyMap<Tensor, Tensor>,
): WithGradients<T> {
  const tape = new Tape()
  for (const tensor of watched) tape.watch(tensor)
  try {
    const result = withTape(tape, body)
    return { result, gradients: tape.backward(seeds(result), add) }
  } finally {
    tape.dispose()
  }
}
