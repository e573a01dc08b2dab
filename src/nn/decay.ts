/**
 * How states decay: A = -exp(A_log), which keeps it negative. GGUF files hold A itself; it is then the
 * parameter, so that what was read can be written again to the last bit.
 */
import { NumericsError } from '../errors.ts'
import { exp, scale } from '../ops/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Initializer } from './initializers.ts'
import { parameter, type AlternativeForm, type Parameter } from './parameter.ts'

const A_ITSELF: AlternativeForm = {
  name: 'A',
  fromFirst: (values) => values.map((value) => -Math.exp(value)),
  toFirst: (values) =>
    values.map((value) => {
      if (value < 0) return Math.log(-value)
      throw new NumericsError('A must be negative', { found: value })
    }),
}

/** Declares A_log of the given shape; in checkpoints that hold A, A. */
export function decayParameter(shape: Shape, aLog: Initializer): Parameter {
  return parameter(shape, { name: 'A_log', init: aLog, alternative: A_ITSELF })
}

/** A, of the shape of the parameter; negative. */
export function decayOf(aLog: Parameter): Tensor {
  return aLog.inAlternative ? aLog.tensor : scale(exp(aLog.tensor), -1)
}

/** What a step in place takes: the parameter as it is kept, and whether that is A_log. */
export function storedDecay(aLog: Parameter): { readonly A: Tensor; readonly logDecay: boolean } {
  return { A: aLog.tensor, logDecay: !aLog.inAlternative }
}
