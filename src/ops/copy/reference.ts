import type { Arrays } from '../operation.ts'
import type { CopyInputs, CopyOutputs } from './types.ts'

export function copy({ x }: Arrays<CopyInputs>, { y }: Arrays<CopyOutputs>): void {
  y.data.set(x.data)
}
