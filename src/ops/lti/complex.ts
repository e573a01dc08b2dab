/** Complex numbers of the reference: pairs of float64. */
export type Complex = readonly [re: number, im: number]

export const plus = (a: Complex, b: Complex): Complex => [a[0] + b[0], a[1] + b[1]]
export const mul = (a: Complex, b: Complex): Complex => [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
export const times = (a: Complex, factor: number): Complex => [a[0] * factor, a[1] * factor]
export const conj = (a: Complex): Complex => [a[0], -a[1]]
export const norm = (a: Complex): number => Math.hypot(a[0], a[1])
export const div = (a: Complex, b: Complex): Complex =>
  times(mul(a, conj(b)), 1 / (b[0] * b[0] + b[1] * b[1]))

/** e^z - 1 without cancellation: e^x cos y - 1 = (e^x - 1) cos y - 2 sin²(y / 2). */
export function expm1([x, y]: Complex): Complex {
  return [Math.expm1(x) * Math.cos(y) - 2 * Math.sin(y / 2) ** 2, Math.exp(x) * Math.sin(y)]
}

/** Element i of a complex array whose imaginary part may be absent. */
export function at(re: ArrayLike<number>, im: ArrayLike<number> | undefined, i: number): Complex {
  return [re[i], im?.[i] ?? 0]
}

/** Adds to element i; the imaginary part is dropped where there is none. */
export function addTo(re: Float64Array, im: Float64Array | undefined, i: number, value: Complex): void {
  re[i] += value[0]
  if (im) im[i] += value[1]
}
