import { part } from '../../../devices/webgpu/part.ts'
export const complexPart = part({
  name: 'complex numbers',
  needs: [],
  gives: ['times', 'conjugate'],
  text: /* wgsl */ `
    fn times(a: vec2f, b: vec2f) -> vec2f {
      return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
    }
    fn conjugate(a: vec2f) -> vec2f { return vec2f(a.x, -a.y); }
`,
})

/**
 * Functions of kernels that need powers Ā^m for large m, to a few units in the last place.
 *
 * WGSL leaves its own sin, cos and exp too much error for that, and f32 too little room: m arg(Ā) has lost
 * its fraction of a turn long before m is 65,536. So angles are counted in turns, and m times an angle is an
 * integer product modulo 2^64, which is exact.
 */
const wavesPart = part({
  name: 'waves',
  needs: [],
  gives: ['wave'],
  text: /* wgsl */ `
    /** (cos, sin) of an angle in turns, |turns| <= 1. */
    fn wave(turns: f32) -> vec2f {
      let quarter = round(4 * turns);
      let t = 6.28318530718 * (turns - 0.25 * quarter);
      let t2 = t * t;
      let s = t + t * t2 * (-1.6666654611e-1 + t2 * (8.3321608736e-3 - t2 * 1.9515295891e-4));
      let c = 1 - 0.5 * t2
        + t2 * t2 * (4.166664568298827e-2 + t2 * (-1.388731625493765e-3 + t2 * 2.443315711809948e-5));
      switch (i32(quarter) & 3) {
        case 1: { return vec2f(-s, c); }
        case 2: { return vec2f(-c, -s); }
        case 3: { return vec2f(s, -c); }
        default: { return vec2f(c, s); }
      }
    }
`,
})
export const waveParts = [complexPart, wavesPart]

const powersPart = part({
  name: 'powers',
  needs: ['wave'],
  gives: ['exponential', 'exponentialLess1', 'power'],
  text: /* wgsl */ `
    /** e^x - 1 for |x| <= ln(2) / 2 */
    fn smallExp(x: f32) -> f32 {
      var p = 1.9875691500e-4;
      p = p * x + 1.3981999507e-3;
      p = p * x + 8.3334519073e-3;
      p = p * x + 4.1665795894e-2;
      p = p * x + 1.6666665459e-1;
      p = p * x + 5.0000001201e-1;
      return p * x * x + x;
    }

    fn exponential(x: f32) -> f32 {
      if (x < -87) { return 0; }
      let held = min(x, 88);
      let n = floor(held * 1.44269504 + 0.5);
      // ln(2) in two parts; n times the first is exact.
      let r = (held - n * 0.693359375) + n * 2.12194440e-4;
      return (1 + smallExp(r)) * bitcast<f32>((i32(n) + 127) << 23);
    }

    fn exponentialLess1(x: f32) -> f32 {
      if (abs(x) < 0.34) { return smallExp(x); }
      return exponential(x) - 1;
    }

    /** The upper 32 bits of a b. */
    fn upperProduct(a: u32, b: u32) -> u32 {
      let a0 = a & 0xffff;
      let a1 = a >> 16;
      let b0 = b & 0xffff;
      let b1 = b >> 16;
      let middle = a1 * b0 + ((a0 * b0) >> 16);
      return a1 * b1 + (middle >> 16) + ((a0 * b1 + (middle & 0xffff)) >> 16);
    }

    /** m turns, less whole ones; turns in [-1/2, 1/2). */
    fn turnsTimes(turns: f32, m: u32) -> f32 {
      let fixed = turns * 4294967296;
      let whole = floor(fixed);
      let low = u32((fixed - whole) * 4294967296);
      let product = bitcast<u32>(i32(whole)) * m + upperProduct(low, m);
      return f32(bitcast<i32>(product)) * 2.3283064365386963e-10;
    }

    /** Ā^m of log|Ā| = rate, arg(Ā) = turns. */
    fn power(rate: f32, turns: f32, m: u32) -> vec2f {
      return exponential(rate * f32(m)) * wave(turnsTimes(turns, m));
    }
`,
})
export const powerParts = [...waveParts, powersPart]

/** The discretisation of discretize.ts. */
const discretizePart = part({
  name: 'discretisation',
  needs: ['conjugate', 'BILINEAR', 'times', 'wave', 'exponentialLess1'],
  gives: ['ruleOf', 'logarithmOf', 'less1', 'inverse'],
  text: /* wgsl */ `
    struct Rule { delta: vec2f, dDelta: vec2f, beta: vec2f, dBeta: vec2f }

    fn inverse(z: vec2f) -> vec2f { return conjugate(z) / dot(z, z); }

    fn lessWholeTurns(turns: f32) -> f32 {
      let rest = turns - round(turns);
      return select(rest, -0.5, rest >= 0.5);
    }

    fn ruleOf(z: vec2f) -> Rule {
      const ONE = vec2f(1, 0);
      if (BILINEAR) {
        let beta = inverse(ONE - 0.5 * z);
        let square = times(beta, beta);
        return Rule(times(z, beta), square, beta, 0.5 * square);
      }
      let logarithm = logarithmOf(z);
      let delta = less1(logarithm.x, logarithm.y);
      let size = max(abs(z.x), abs(z.y));
      var beta = ONE + 0.5 * z;
      if (size > 1e-6) { beta = times(delta, inverse(z)); }
      if (size > 0.7) { return Rule(delta, ONE + delta, beta, times(ONE + delta - beta, inverse(z))); }
      // φ'(z) = Σ (k + 1) z^k / (k + 2)!
      var term = vec2f(0.5, 0);
      var sum = term;
      for (var k = 1f; k < 11; k += 1) {
        term = times(term, z) * ((k + 1) / (k * (k + 2)));
        sum += term;
      }
      return Rule(delta, ONE + delta, beta, sum);
    }

    /** log(1 + w), also of small w; not infinite. */
    fn logarithm1(w: f32) -> f32 {
      if (w < -0.29289 || w > 0.41421) { return log(max(1 + w, 1e-37)); }
      var p = 7.0376836292e-2;
      p = p * w - 1.1514610310e-1;
      p = p * w + 1.1676998740e-1;
      p = p * w - 1.2420140846e-1;
      p = p * w + 1.4249322787e-1;
      p = p * w - 1.6668057665e-1;
      p = p * w + 2.0000714765e-1;
      p = p * w - 2.4999993993e-1;
      p = p * w + 3.3333331174e-1;
      return w - 0.5 * w * w + w * w * w * p;
    }

    /** The angle of (x, y) in turns. */
    fn turnsOf(y: f32, x: f32) -> f32 {
      let low = min(abs(x), abs(y));
      let high = max(abs(x), abs(y));
      if (high == 0) { return 0; }
      var t = low / high;
      var angle = 0f;
      if (t > 0.41421356) {
        t = (low - high) / (low + high);
        angle = 0.78539816339;
      }
      let t2 = t * t;
      angle += t + t * t2 * (-3.33329491539e-1 + t2 * (1.99777106478e-1 + t2 * (-1.38776856032e-1 + t2 * 8.05374449538e-2)));
      if (abs(y) > abs(x)) { angle = 1.57079632679 - angle; }
      if (x < 0) { angle = 3.14159265359 - angle; }
      return lessWholeTurns(select(angle, -angle, y < 0) * 0.15915494309189535);
    }

    /** log|Ā| and arg(Ā) in turns. */
    fn logarithmOf(z: vec2f) -> vec2f {
      if (!BILINEAR) { return vec2f(z.x, lessWholeTurns(z.y * 0.15915494309189535)); }
      let under = vec2f(1 - 0.5 * z.x, -0.5 * z.y);
      return vec2f(0.5 * logarithm1(2 * z.x / dot(under, under)), turnsOf(z.y, 1 - 0.25 * dot(z, z)));
    }

    /** Ā - 1 from log|Ā| and arg(Ā): e^x cos y - 1 = (e^x - 1) cos y - 2 sin²(y / 2). */
    fn less1(rate: f32, turns: f32) -> vec2f {
      let w = wave(turns);
      let half = wave(0.5 * turns).y;
      let grown = exponentialLess1(rate);
      return vec2f(grown * w.x - 2 * half * half, (1 + grown) * w.y);
    }
`,
})
export const discretizeParts = [...powerParts, discretizePart]
