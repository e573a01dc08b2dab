import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { decaysPart, readPart, SIZES, SWITCHES } from './shared.ts'

/** A workgroup's threads: QUADS of four states for each of CHANNELS channels. */
export function threadsFor(stateSize: number): { readonly QUADS: number; readonly CHANNELS: number } {
  const QUADS = Math.ceil(stateSize / 4)
  return { QUADS, CHANNELS: Math.max(1, Math.floor(64 / QUADS)) }
}

/**
 * Tokens between two meetings of the threads: what they then share is 48 bytes a token and thread, 12 KB at
 * most. Four took a third longer on an H100: fewer workgroups are under way.
 */
export function stepsFor(quads: number): number {
  return quads <= 128 ? 2 : 1
}

/**
 * The gradients of a chunk. A workgroup has a block of channels of one group and goes through them CHANNELS
 * at a time: once forward from the edge, keeping the state every STEPS tokens; then from the end, STEPS
 * tokens at a time, whose states are made again in registers. A thread has four states of a channel.
 *
 * values [B, chunks, rows, E] come with the gradient of the state after the chunk, and leave with dA, dD,
 * dDeltaBias (and dB, dC of constant ones) of the chunk. partials [B L G, blocks, 2, N] get dB and dC of the
 * block. dDelta, du and dz come with dt, dy silu(z) and dy silu'(z).
 */
export const selectiveScanBackwardApply = defineKernel({
  name: 'selectiveScanBackwardApply',
  bindings: {
    x: 'f32',
    channels: 'f32',
    tokens: 'vec4f',
    edges: 'f32',
    values: 'f32 rw',
    partials: 'f32 rw',
    du: 'f32 rw',
    dDelta: 'f32 rw',
    dz: 'f32? rw',
  },
  uniforms: { ...SIZES, items: 'u32', rows: 'u32', block: 'u32', blocks: 'u32' },
  constants: {
    ...SWITCHES,
    QUADS: 'u32',
    CHANNELS: 'u32',
    STEPS: 'u32',
    TILES: 'u32',
    WITH_SOFTPLUS: 'bool',
  },
  parts: [readPart, decaysPart],
  body: /* wgsl */ `
    const THREADS = QUADS * CHANNELS;
    const LN2 = 0.6931471805599453;
    // By step, and dB or dC: parts of the threads.
    var<workgroup> products: array<vec4f, 2u * STEPS * THREADS>;
    // By step: parts of sums over states: of g B, of g a h A, of C h.
    var<workgroup> sums: array<vec4f, STEPS * THREADS>;

    // softplus'(x) = 1 - exp(-dt) of dt = softplus(x), by its series where that cancels.
    fn stepSlope(dt: f32) -> f32 {
      if (!WITH_SOFTPLUS) { return 1.0; }
      if (dt > 0.05) { return 1.0 - exp(-dt); }
      return dt * (1.0 - dt * (0.5 - dt * (1.0 / 6.0 - dt / 24.0)));
    }

    /** Whether a tile has a second step: the text is for two, as arrays would not stay in registers. */
    fn hasTwo(first: u32, end: u32) -> bool { return STEPS == 2u && first + 1u < end; }

    /** A token, as a thread sees it. */
    struct Token { dt: f32, x: f32, keep: f32, B: vec4f }

    /**
     * Token t, or the last: STEPS of them are read together, as one after the other they would wait for
     * memory each.
     */
    fn tokenAt(firstRow: u32, t: u32, end: u32, e: u32, n: u32) -> Token {
      let p = firstRow + min(t, end - 1u);
      return Token(dDelta[p * u.inner + e], x[p * u.inner + e], keeps(p), inputStates(p, n, e));
    }
    fn decayOf(token: Token, rate: vec4f) -> vec4f {
      return token.keep * decays(token.dt, rate);
    }
    /** The state after a token, or before it where there is none. */
    fn after(h: vec4f, decay: vec4f, token: Token, live: f32, exists: bool) -> vec4f {
      return select(h, decay * h + live * token.dt * token.x * token.B, exists);
    }

    var<private> g: vec4f;
    var<private> dRate: vec4f;
    var<private> dB: vec4f;
    var<private> dC: vec4f;

    /** What a token's output adds to the gradient of the state after it, C and the slope of its output. */
    struct Output { C: vec4f, slope: f32 }

    fn outputOf(firstRow: u32, t: u32, end: u32, e: u32, n: u32, live: f32) -> Output {
      let p = firstRow + min(t, end - 1u);
      return Output(outputStates(p, n, e), live * du[p * u.inner + e]);
    }

    /** Back through step s of a tile: h is the state before it, next the one after. */
    fn backThrough(s: u32, token: Token, output: Output, decay: vec4f, h: vec4f, next: vec4f, rate: vec4f, live: f32, local: u32) {
      let scaled = live * token.dt * token.x;
      g += output.slope * output.C;
      if (CONSTANT_B) { dB += g * scaled; } else { products[2u * s * THREADS + local] = g * scaled; }
      if (CONSTANT_C) { dC += output.slope * next; } else { products[(2u * s + 1u) * THREADS + local] = output.slope * next; }
      let viaInput = dot(g, token.B);
      g *= decay;
      let kept = g * h;
      dRate += token.dt * kept;
      sums[s * THREADS + local] = vec4f(viaInput, dot(kept, rate), dot(output.C, next), 0.0);
    }

    @compute @workgroup_size(QUADS * CHANNELS)
    fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
      let item = flatGroup(workgroup);
      if (item >= u.items) { return; }
      let perGroup = u.inner / u.groups;
      let block = item % u.blocks;
      let group = item / u.blocks % u.groups;
      let k = item / u.blocks / u.groups;
      let blockBegin = block * u.block;
      let blockEnd = min(perGroup, blockBegin + u.block);
      let begin = k % u.chunks * CHUNK;
      let end = min(u.length, begin + CHUNK);
      let firstRow = k / u.chunks * u.length;
      let quad = local % QUADS;
      let channel = local / QUADS;
      let n = 4u * quad;

      for (var sub = blockBegin; sub < blockEnd; sub += CHANNELS) {
        // Threads beyond the block work on its last channel, times zero, and write nothing.
        let valid = sub + channel < blockEnd;
        let live = select(0.0, 1.0, valid);
        let e = group * perGroup + min(sub + channel, blockEnd - 1u);
        let rate = rates(n, e);
        let skip = skipOf(e);

        var h: vec4f;
        for (var j = 0u; j < 4u; j++) {
          h[j] = 0.0;
          g[j] = 0.0;
          if (n + j < u.stateSize) {
            h[j] = live * edges[(k * u.stateSize + n + j) * u.inner + e];
            g[j] = live * values[(k * u.rows + n + j) * u.inner + e];
          }
        }
        var starts: array<vec4f, TILES>;
        for (var tile = 0u; tile < TILES; tile++) {
          starts[tile] = h;
          let first = begin + tile * STEPS;
          if (first >= end) { continue; }
          let token0 = tokenAt(firstRow, first, end, e, n);
          let token1 = tokenAt(firstRow, first + 1u, end, e, n);
          h = after(h, decayOf(token0, rate), token0, live, true);
          h = after(h, decayOf(token1, rate), token1, live, hasTwo(first, end));
        }

        dRate = vec4f();
        dB = vec4f();
        dC = vec4f();
        var dSkip = 0.0;
        var dBias = 0.0;
        for (var back = 0u; back < TILES; back++) {
          let tile = TILES - 1u - back;
          let first = begin + tile * STEPS;
          if (first >= end) { continue; }
          let token0 = tokenAt(firstRow, first, end, e, n);
          let token1 = tokenAt(firstRow, first + 1u, end, e, n);
          let output0 = outputOf(firstRow, first, end, e, n, live);
          let output1 = outputOf(firstRow, first + 1u, end, e, n, live);
          let decay0 = decayOf(token0, rate);
          let decay1 = decayOf(token1, rate);
          let h0 = starts[tile];
          let h1 = after(h0, decay0, token0, live, true);
          let h2 = after(h1, decay1, token1, live, hasTwo(first, end));
          if (hasTwo(first, end)) { backThrough(1u, token1, output1, decay1, h1, h2, rate, live, local); }
          backThrough(0u, token0, output0, decay0, h0, h1, rate, live, local);
          workgroupBarrier();
          storageBarrier();

          // Sums over channels.
          for (var o = local; o < 2u * STEPS * QUADS; o += THREADS) {
            let part = o / QUADS % 2u;
            let t = first + o / QUADS / 2u;
            if (t >= end || (part == 0u && CONSTANT_B) || (part == 1u && CONSTANT_C)) { continue; }
            var total = vec4f(0.0);
            for (var m = 0u; m < CHANNELS; m++) { total += products[o / QUADS * THREADS + m * QUADS + o % QUADS]; }
            let row = (firstRow + t) * u.groups + group;
            for (var j = 0u; j < 4u; j++) {
              let state = 4u * (o % QUADS) + j;
              if (state >= u.stateSize) { break; }
              let place = ((row * u.blocks + block) * 2u + part) * u.stateSize + state;
              if (sub == blockBegin) { partials[place] = total[j]; } else { partials[place] += total[j]; }
            }
          }
          // Sums over states: the threads of a channel share its tokens.
          for (var s = quad; s < STEPS; s += QUADS) {
            if (first + s >= end || !valid) { continue; }
            var total = vec4f(0.0);
            for (var m = 0u; m < QUADS; m++) { total += sums[s * THREADS + channel * QUADS + m]; }
            let i = (firstRow + first + s) * u.inner + e;
            let dt = dDelta[i];
            let slope = du[i];
            let d = (LN2 * total.y + x[i] * total.x) * stepSlope(dt);
            dSkip += slope * x[i];
            dBias += d;
            du[i] = dt * total.x + skip * slope;
            dDelta[i] = d;
            if (HAS_DZ) { dz[i] *= total.z + skip * x[i]; }
          }
          workgroupBarrier();
          storageBarrier();
        }

        sums[local] = vec4f(dSkip, dBias, 0.0, 0.0);
        workgroupBarrier();
        let row = k * u.rows;
        if (valid && quad == 0u) {
          var total = vec4f(0.0);
          for (var m = 0u; m < QUADS; m++) { total += sums[channel * QUADS + m]; }
          values[(row + u.stateSize) * u.inner + e] = total.x;
          values[(row + u.stateSize + 1u) * u.inner + e] = total.y;
        }
        if (valid) {
          for (var j = 0u; j < 4u; j++) {
            if (n + j >= u.stateSize) { break; }
            values[(row + n + j) * u.inner + e] = dRate[j];
            if (CONSTANT_B) { values[(row + u.stateSize + 2u + n + j) * u.inner + e] = dB[j]; }
            if (CONSTANT_C) { values[(row + u.rows - u.stateSize + n + j) * u.inner + e] = dC[j]; }
          }
        }
        workgroupBarrier();
      }
    }`,
})
