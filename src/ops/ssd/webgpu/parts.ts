/** Parts that the kernels of this folder share, and their uniforms. */
import { part } from '../../../devices/webgpu/part.ts'
import { tilesPart } from '../../parts/tile-64.ts'

/**
 * A workgroup loads the factors e = exp(s A) of a chunk (at most 64 tokens), and the products that it needs.
 * Products over runs of 16 make any decay at most 16 multiplications: no ratio, and no difference of long
 * sums, can lose digits.
 */
export const decaysPart = part({
  name: 'decays of a chunk',
  needs: ['decays', 'u.batch', 'u.heads', 'u.length'],
  gives: ['MOST_TOKENS', 'steps', 'loadDecays', 'decay', 'decayIn', 'decayEnd'],
  text: /* wgsl */ `
    const MOST_TOKENS = 64u;
    const RUN = 16u;
    var<workgroup> factors: array<f32, MOST_TOKENS>;
    /** Π e from the start of t's run to t; from after t to the end of its run. */
    var<workgroup> before: array<f32, MOST_TOKENS>;
    var<workgroup> after: array<f32, MOST_TOKENS>;
    /** s, or a weight of each token. */
    var<workgroup> steps: array<f32, MOST_TOKENS>;

    /** decays [2, B, H, L] are s and e; the chunk's tokens lie from first. */
    fn loadDecays(first: u32, size: u32, local: u32) {
      workgroupBarrier();
      if (local < MOST_TOKENS) {
        var e = 1.0;
        var s = 0.0;
        if (local < size) {
          s = decays[first + local];
          e = decays[u.batch * u.heads * u.length + first + local];
        }
        factors[local] = e;
        steps[local] = s;
      }
      workgroupBarrier();
      if (local < MOST_TOKENS) {
        let start = local - local % RUN;
        var product = 1.0;
        for (var t = start; t <= local; t++) { product *= factors[t]; }
        before[local] = product;
        product = 1.0;
        for (var t = local + 1u; t < start + RUN; t++) { product *= factors[t]; }
        after[local] = product;
      }
      workgroupBarrier();
    }

    fn runProducts(first: u32, end: u32) -> f32 {
      var product = 1.0;
      for (var run = first; run < end; run++) { product *= before[run * RUN + RUN - 1u]; }
      return product;
    }

    /** Π e over (s, l], s <= l. */
    fn decay(s: u32, l: u32) -> f32 {
      if (s / RUN == l / RUN) {
        var product = 1.0;
        for (var t = s + 1u; t <= l; t++) { product *= factors[t]; }
        return product;
      }
      return after[s] * runProducts(s / RUN + 1u, l / RUN) * before[l];
    }

    /** Π e from the chunk's start to l. */
    fn decayIn(l: u32) -> f32 { return runProducts(0u, l / RUN) * before[l]; }

    /** Π e from after s to the chunk's end. */
    fn decayEnd(s: u32) -> f32 { return after[s] * runProducts(s / RUN + 1u, MOST_TOKENS / RUN); }
`,
})

/**
 * A matrix product for a workgroup of 256 threads: sum_i[j] += Σ_k left(row, k) right(k, column), rows and
 * columns up to 64; thread (ty, tx) has rows 4 ty + i and columns 4 tx + j, in sums by name: an array of them
 * would not stay in registers. A kernel's body gives `left(phase, row, k)` and `right(phase, k, column)`, 0
 * beyond their ranges. `leftByK`: whether neighbours in memory differ in k.
 */
const productPart = part({
  name: 'product of 64',
  needs: ['left', 'right', 'place', 'INNER', 'tileA', 'STRIDE', 'tileB'],
  gives: ['sum0', 'sum1', 'sum2', 'sum3', 'product', 'clearSums', 'rowTotals'],
  text: /* wgsl */ `
    var<private> sum0: vec4f;
    var<private> sum1: vec4f;
    var<private> sum2: vec4f;
    var<private> sum3: vec4f;

    fn leftRows(phase: u32, row: u32, k: u32) -> vec4f {
      return vec4f(left(phase, row, k), left(phase, row + 1u, k), left(phase, row + 2u, k), left(phase, row + 3u, k));
    }
    fn rightColumns(phase: u32, k: u32, column: u32) -> vec4f {
      return vec4f(
        right(phase, k, column),
        right(phase, k, column + 1u),
        right(phase, k, column + 2u),
        right(phase, k, column + 3u));
    }
    fn product(phase: u32, depth: u32, leftByK: bool, rightByK: bool, local: u32) {
      let ty = local / 16u;
      let tx = local % 16u;
      let l = place(local, !leftByK);
      let r = place(local, !rightByK);
      for (var first = 0u; first < depth; first += INNER) {
        let rows = leftRows(phase, 4u * l.y, first + l.x);
        let columns = rightColumns(phase, first + r.x, 4u * r.y);
        workgroupBarrier();
        tileA[l.x * STRIDE + l.y] = rows;
        tileB[r.x * STRIDE + r.y] = columns;
        workgroupBarrier();
        for (var k = 0u; k < INNER; k++) {
          let a = tileA[k * STRIDE + ty];
          let b = tileB[k * STRIDE + tx];
          sum0 = fma(vec4f(a.x), b, sum0);
          sum1 = fma(vec4f(a.y), b, sum1);
          sum2 = fma(vec4f(a.z), b, sum2);
          sum3 = fma(vec4f(a.w), b, sum3);
        }
      }
      workgroupBarrier();
    }

    fn clearSums() {
      sum0 = vec4f();
      sum1 = vec4f();
      sum2 = vec4f();
      sum3 = vec4f();
    }

    /**
     * Σ over the columns of a row of the 16 parts that its threads hold; part i is of row 4 ty + i. For
     * threads below 64: of row local.
     */
    fn rowTotals(parts: vec4f, local: u32) -> f32 {
      workgroupBarrier();
      tileA[(local % 16u) * STRIDE + local / 16u] = parts;
      workgroupBarrier();
      var sum = 0.0;
      if (local < 64u) {
        for (var i = 0u; i < 16u; i++) { sum += tileA[i * STRIDE + local / 4u][local % 4u]; }
      }
      return sum;
    }
`,
})

export const productParts = [tilesPart, productPart]

/** The uniforms of every kernel here. */
export const SIZES = {
  batch: 'u32',
  length: 'u32',
  heads: 'u32',
  headDim: 'u32',
  groups: 'u32',
  stateSize: 'u32',
  chunk: 'u32',
  chunks: 'u32',
} as const
