/**
 * WGSL that the kernels share: put these texts before a kernel's own.
 *
 * DECAYS: a workgroup loads the factors e = exp(s A) of a chunk (at most 64 tokens), and the products that it needs. Products
 * over runs of 16 make any decay at most 16 multiplications: no ratio, and no difference of long sums, can lose digits.
 */
export const DECAYS = /* wgsl */ `
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
`

/**
 * A matrix product for a workgroup of 256 threads: sums[i][j] += Σ_k left(row, k) right(k, column), rows and columns up to 64;
 * thread (ty, tx) has rows 4 ty + i and columns 4 tx + j. A kernel gives `left(phase, row, k)` and `right(phase, k, column)`, 0
 * beyond their ranges. `leftByK`: whether neighbours in memory differ in k.
 */
export const PRODUCT = /* wgsl */ `
    const DEPTH = 16u;
    var<workgroup> leftTile: array<f32, 1024>;
    var<workgroup> rightTile: array<f32, 1024>;
    var<private> sums: array<vec4f, 4>;

    fn product(phase: u32, depth: u32, leftByK: bool, rightByK: bool, local: u32) {
      let ty = 4u * (local / 16u);
      let tx = 4u * (local % 16u);
      for (var first = 0u; first < depth; first += DEPTH) {
        workgroupBarrier();
        for (var i = local; i < 1024u; i += 256u) {
          if (leftByK) {
            leftTile[(i % 16u) * 64u + i / 16u] = left(phase, i / 16u, first + i % 16u);
          } else {
            leftTile[i] = left(phase, i % 64u, first + i / 64u);
          }
          if (rightByK) {
            rightTile[(i % 16u) * 64u + i / 16u] = right(phase, first + i % 16u, i / 16u);
          } else {
            rightTile[i] = right(phase, first + i / 64u, i % 64u);
          }
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
          let at = k * 64u + tx;
          let b = vec4f(rightTile[at], rightTile[at + 1u], rightTile[at + 2u], rightTile[at + 3u]);
          for (var i = 0u; i < 4u; i++) { sums[i] += leftTile[k * 64u + ty + i] * b; }
        }
      }
      workgroupBarrier();
    }

    fn clearSums() {
      for (var i = 0u; i < 4u; i++) { sums[i] = vec4f(); }
    }

    /** Σ over the columns of a row of the 16 parts that its threads hold; part i is of row 4 ty + i. For threads below 64: of row local. */
    fn rowTotals(parts: vec4f, local: u32) -> f32 {
      workgroupBarrier();
      for (var i = 0u; i < 4u; i++) { leftTile[(4u * (local / 16u) + i) * 16u + local % 16u] = parts[i]; }
      workgroupBarrier();
      var sum = 0.0;
      if (local < 64u) {
        for (var i = 0u; i < 16u; i++) { sum += leftTile[local * 16u + i]; }
      }
      return sum;
    }
`

/** The uniforms of every kernel here. */
export const SIZES = {
  batch: 'u32',
  length: 'u32',
  heads: 'u32',
  headWidth: 'u32',
  groups: 'u32',
  state: 'u32',
  chunk: 'u32',
  chunks: 'u32',
} as const
