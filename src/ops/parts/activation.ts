import { part } from '../../devices/webgpu/part.ts'
import { ACTIVATIONS } from '../activation/kinds.ts'

/** SILU and so on: the names of activations in capitals, words split by `_`. */
const NUMBERS = ACTIVATIONS.map((name) => name.replaceAll(/[A-Z]/g, '_$&').toUpperCase())

/**
 * The activations, for kernels that fuse one. `activate(kind, x)` and `activateSlope(kind, x)` take the
 * number of the activation in `ACTIVATIONS`; with a constant, the others fall away. No function here
 * overflows inside: WGSL leaves open what `exp` of large numbers gives.
 */
export const activationPart = part({
  name: 'activation',
  needs: [],
  gives: [...NUMBERS, 'activate', 'activateSlope', 'expOf', 'sigmoid', 'softplus'],
  text: /* wgsl */ `
  ${NUMBERS.map((name, i) => `const ${name} = ${i}u;`).join('\n  ')}

  // e^x, and the largest power below the largest float from there on.
  fn expOf(x: f32) -> f32 { return exp(min(x, 88.72)); }

  fn sigmoid(x: f32) -> f32 {
    let e = exp(-abs(x));
    return select(e, 1.0, x >= 0.0) / (1.0 + e);
  }

  // log(1 + t) for t in [0, 1] = 2 atanh(s), s = t / (2 + t): exact to float32 for small t too.
  fn log1pOf(t: f32) -> f32 {
    let s = t / (2.0 + t);
    let z = s * s;
    return 2.0 * s * (1.0 + z * (1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0 + z * (1.0 / 11.0
      + z / 13.0))))));
  }

  // log(1 + e^x)
  fn softplus(x: f32) -> f32 { return max(x, 0.0) + log1pOf(exp(-abs(x))); }

  // Near zero the odd polynomial, elsewhere 1 - 2 / (e^2|x| + 1).
  fn tanhOf(x: f32) -> f32 {
    let a = abs(x);
    let z = x * x;
    let near = x + x * z * (-0.333333291 + z * (0.133327823 + z * (-0.0538524974 + z * (0.0210036409
      - z * 0.00610494767))));
    let e = exp(-2.0 * a);
    return select(sign(x) * (1.0 - e) / (1.0 + e), near, a < 0.625);
  }

  // 1 - erf(a) for a >= 0 = t e^(p(t) - a^2), t = 1 / (1 + a / 2); p fitted at Chebyshev nodes: 5e-8
  // relative.
  fn erfcOf(a: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.5 * a);
    let p = -1.26544800 + t * (0.998632783 + t * (0.386640413 + t * (0.0346027978 + t * (0.00126759338
      + t * (-0.0802804462 + t * (-0.696251881 + t * (1.15673374 + t * (-0.680827172 + t * 0.144930213))))))));
    return t * exp(p - a * a);
  }

  fn erfOf(x: f32) -> f32 { return sign(x) * (1.0 - erfcOf(abs(x))); }

  // The standard normal's distribution and density.
  fn normalCdf(x: f32) -> f32 {
    let tail = 0.5 * erfcOf(abs(x) * 0.7071067811865476);
    return select(tail, 1.0 - tail, x >= 0.0);
  }
  fn normalPdf(x: f32) -> f32 { return 0.3989422804014327 * exp(-0.5 * x * x); }

  // The argument of the tanh in geluTanh: c (x + 0.044715 x^3), c = sqrt(2 / pi).
  fn geluInner(x: f32) -> f32 { return 0.7978845608028654 * (x + 0.044715 * x * x * x); }

  fn activate(kind: u32, x: f32) -> f32 {
    switch kind {
      case SILU: { return x * sigmoid(x); }
      case SIGMOID: { return sigmoid(x); }
      case SOFTPLUS: { return softplus(x); }
      case GELU: { return x * normalCdf(x); }
      case GELU_TANH: { return 0.5 * x * (1.0 + tanhOf(geluInner(x))); }
      case RELU: { return max(x, 0.0); }
      case RELU2: { let r = max(x, 0.0); return r * r; }
      case TANH: { return tanhOf(x); }
      case EXP: { return expOf(x); }
      case LOG: { return log(x); }
      case SQUARE: { return x * x; }
      case HEAVY_TAIL: { return select(1.0 / (1.0 + abs(x)), 1.0 + x, x >= 0.0); }
      default: { return x; }
    }
  }

  fn activateSlope(kind: u32, x: f32) -> f32 {
    switch kind {
      case SILU: { let s = sigmoid(x); return s * (1.0 + x * (1.0 - s)); }
      case SIGMOID: { let s = sigmoid(x); return s * sigmoid(-x); }
      case SOFTPLUS: { return sigmoid(x); }
      case GELU: { return normalCdf(x) + x * normalPdf(x); }
      case GELU_TANH: {
        let t = tanhOf(geluInner(x));
        return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * 0.7978845608028654 * (1.0 + 0.134145 * x * x);
      }
      case RELU: { return select(0.0, 1.0, x > 0.0); }
      case RELU2: { return 2.0 * max(x, 0.0); }
      case TANH: { let t = tanhOf(x); return 1.0 - t * t; }
      case EXP: { return expOf(x); }
      case LOG: { return 1.0 / x; }
      case SQUARE: { return 2.0 * x; }
      case HEAVY_TAIL: { let h = 1.0 / (1.0 + abs(x)); return select(h * h, 1.0, x >= 0.0); }
      default: { return 1.0; }
    }
  }
`,
})
