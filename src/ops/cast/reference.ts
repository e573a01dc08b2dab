import type { Arrays } from '../operation.ts'
import type { CastInputs, CastOutputs } from './types.ts'

/** y = x. What is stored as f16 is rounded by `apply`. */
export function cast({ x }: Arrays<CastInputs>, { y }: Arrays<CastOutputs>): void {
  y.data.set(x.data)
}
