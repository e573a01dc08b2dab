/** Points of the transform: the next power of two from twice the length, so that nothing wraps around. */
export function pointsFor(length: number): number {
  return 2 ** Math.ceil(Math.log2(2 * length))
}
