/** ||got - want|| / ||want||, Euclidean; plain ||got|| where want is zero. NaN if anything is. */
export function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY
  let difference = 0
  let norm = 0
  for (let i = 0; i < want.length; i++) {
    // Equal infinities are no difference.
    if (got[i] !== want[i]) difference += (got[i] - want[i]) ** 2
    norm += want[i] ** 2
  }
  return Math.sqrt(difference) / (norm === 0 ? 1 : Math.sqrt(norm))
}
