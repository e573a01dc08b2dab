/** Comparison with values that were computed by hand. Equal infinities are equal, and so is NaN. */
export function expectClose(
  what: string,
  got: ArrayLike<number>,
  want: readonly number[],
  tolerance = 1e-6,
): void {
  const fits = (a: number, b: number): boolean =>
    Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))
  if (got.length === want.length && want.every((each, i) => fits(got[i], each))) return
  throw new Error(`${what}: expected ${want.join(', ')}, found ${Array.from(got).join(', ')}`)
}

export const { NEGATIVE_INFINITY: NONE, POSITIVE_INFINITY: ENDLESS, NaN: NAN } = Number
