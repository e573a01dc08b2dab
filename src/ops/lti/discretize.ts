/**
 * The step of a diagonal system x'(s) = A x(s) + B u(s) over a time dt, mode by mode, with z = dt A:
 *
 *   x[t] = Ā x[t-1] + B̄ u[t],  Ā = 1 + δ(z),  B̄ = dt β(z) B
 *
 *   zoh       δ = e^z - 1        β = (e^z - 1) / z    input held over the step
 *   bilinear  δ = z / (1 - z/2)  β = 1 / (1 - z/2)    trapezoid rule
 *
 * Gu et al., Efficiently modeling long sequences with structured state spaces (2022), and the diagonal case
 * in Gu et al., On the parameterization and initialization of diagonal state space models (2022).
 *
 * Gradients of complex numbers are written g = dL/dRe + i dL/dIm, so that w = f(z), f holomorphic, gives
 * g_z = g_w conj(f'(z)).
 */
import { type Complex, conj, div, expm1, mul, norm, plus, times } from './complex.ts'

export const DISCRETIZATIONS = ['zoh', 'bilinear'] as const
export type Discretization = (typeof DISCRETIZATIONS)[number]

interface Rule {
  readonly delta: Complex
  readonly dDelta: Complex
  readonly beta: Complex
  readonly dBeta: Complex
}

const ONE: Complex = [1, 0]

const RULES: Record<Discretization, (z: Complex) => Rule> = {
  zoh(z) {
    const delta = expm1(z)
    const dDelta = plus(ONE, delta)
    const beta = norm(z) === 0 ? ONE : div(delta, z)
    return { delta, dDelta, beta, dBeta: slopeOfPhi(z, dDelta, beta) }
  },
  bilinear(z) {
    const beta = div(ONE, plus(ONE, times(z, -0.5)))
    const square = mul(beta, beta)
    return { delta: mul(z, beta), dDelta: square, beta, dBeta: times(square, 0.5) }
  },
}

/** φ'(z) of φ(z) = (e^z - 1) / z: (e^z - φ) / z, or its series Σ (k + 1) z^k / (k + 2)! near zero. */
function slopeOfPhi(z: Complex, exp: Complex, phi: Complex): Complex {
  if (norm(z) > 0.5) return div(plus(exp, times(phi, -1)), z)
  let sum: Complex = [0, 0]
  let power = ONE
  let factorial = 2
  for (let k = 0; k < 16; k++) {
    sum = plus(sum, times(power, (k + 1) / factorial))
    power = mul(power, z)
    factorial *= k + 3
  }
  return sum
}

/** Ā and B̄ of one mode. */
export function discretize(
  rule: Discretization,
  dt: number,
  A: Complex,
  B: Complex,
): { readonly aBar: Complex; readonly bBar: Complex } {
  const { delta, beta } = RULES[rule](times(A, dt))
  return { aBar: plus(ONE, delta), bBar: times(mul(beta, B), dt) }
}

/** Gradients of log dt, A and B of one mode from those of Ā and B̄. */
export function discretizeBackward(
  rule: Discretization,
  dt: number,
  A: Complex,
  B: Complex,
  dABar: Complex,
  dBBar: Complex,
): { readonly dLogDt: number; readonly dA: Complex; readonly dB: Complex } {
  const { dDelta, beta, dBeta } = RULES[rule](times(A, dt))
  const dz = plus(mul(dABar, conj(dDelta)), times(mul(dBBar, conj(mul(dBeta, B))), dt))
  // dt enters by z = dt A and as the factor of B̄.
  const dDt = mul(dz, conj(A))[0] + mul(dBBar, conj(mul(beta, B)))[0]
  return { dLogDt: dDt * dt, dA: times(dz, dt), dB: times(mul(dBBar, conj(beta)), dt) }
}
