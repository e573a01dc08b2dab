import type { Arrays } from '../operation.ts'
import type { CastInputs, CastOutputs } from './types.ts'

/** y = x. `referenceKernel` rounds what is stored as f16. */
export function cast({ x }: Arrays<CastInputs>, { y }: Arrays<CastOutputs>): void {
  y.data.set(x.data)
}
