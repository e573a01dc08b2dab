import type { Shape } from '../../../tensor/shape.ts'

/** The sizes of a call, by the letters of the shapes. */
export interface Sizes {
  readonly B: number
  readonly L: number
  readonly S: number
  readonly P: number
}

interface Shaped {
  readonly shape: Shape
}

/** Sizes without checks. */
export function sizesOf(
  { q, k }: { readonly q: Shaped; readonly k: Shaped },
  { heads }: { readonly heads: number },
): Sizes {
  return { B: q.shape[0], L: q.shape[1], S: k.shape[1], P: q.shape[2] / heads }
}
