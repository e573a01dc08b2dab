import { defineKernel } from '../../devices/webgpu/kernel.ts'
import { READ, SIZES, SWITCHES } from './webgpu-shared.ts'

/** A workgroup's threads: QUADS of four states for each of CHANNELS channels. */
export function threadsFor(states: number): { readonly QUADS: number; readonly CHANNELS: number } {
  const QUADS = Math.ceil(states / 4)
  return { QUADS, CHANNELS: Math.max(1, Math.floor(64 / QUADS)) }
}

/** Tokens between two meetings of the threads: what they then share is 48 bytes a token and thread, 16 KB at most. */
export function stepsFor(quads: number): number {
  if (quads <= 64) return 4
  return quads <= 128 ? 2 : 1
}

/**
 * The gradients of a chunk. A workgroup has a block of channels of one group and goes through them CHANNELS at a time: once
 * forward from the edge, keeping the state every STEPS tokens; then from the end, STEPS tokens at a time, whose states are
 * made again in registers. A thread has four states of a channel.
 *
 * values [B, chunks, rows, E] come with the gradient of the state after the chunk, and leave with dA, dD, ddeltaBias (and
 * dB, dC of constant ones) of the chunk. partials [B L G, blocks, 2, N] get dB and dC of the block.
 * ddelta, du and dz come with dt, dy silu(z) and dy silu'(z).
 */
export const selectiveScanBackwardApply = defineKernel({
  name: 'selectiveScanBackwardApply',
  bindings: {
    x: 'f32',
    channels: 'f32',
    tokens: 'f32',
    edges: 'f32',
    values: 'f32 rw',
    partials: 'f32 rw',
    du: 'f32 rw',
    ddelta: 'f32 rw',
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
  body: `${READ}
    const THREADS = QUADS * CHANNELS;
    const LN2 = 0.6931471805599453;
    // By step, and dB or dC: parts of the threads.
    var<workgroup> products: array<vec4f, 2u * STEPS * THREADS>;
    // By step: parts of sums over states: of g B, of g a h A, of C h.
    var<workgroup> sums: array<vec4f, STEPS * THREADS>;

    fn rates(n: u32, e: u32) -> vec4f {
      return vec4f(decayRate(n, e), decayRate(n + 1u, e), decayRate(n + 2u, e), decayRate(n + 3u, e));
    }
    fn inputStates(p: u32, n: u32, e: u32) -> vec4f {
      return vec4f(inputState(p, n, e), inputState(p, n + 1u, e), inputState(p, n + 2u, e), inputState(p, n + 3u, e));
    }
    fn outputStates(p: u32, n: u32, e: u32) -> vec4f {
      return vec4f(outputState(p, n, e), outputState(p, n + 1u, e), outputState(p, n + 2u, e), outputState(p, n + 3u, e));
    }
    // softplus'(x) = 1 - exp(-dt) of dt = softplus(x), by its series where that cancels.
    fn stepSlope(dt: f32) -> f32 {
      if (!WITH_SOFTPLUS) { return 1.0; }
      if (dt > 0.05) { return 1.0 - exp(-dt); }
      return dt * (1.0 - dt * (0.5 - dt * (1.0 / 6.0 - dt / 24.0)));
    }

    // Of STEPS tokens, read together: one after the other they would wait for memory each.
    var<private> dts: array<f32, STEPS>;
    var<private> xs: array<f32, STEPS>;
    var<private> keep: array<f32, STEPS>;
    var<private> inputsB: array<vec4f, STEPS>;

    fn readSteps(firstRow: u32, first: u32, end: u32, e: u32, n: u32) {
      for (var s = 0u; s < STEPS; s++) {
        let p = firstRow + min(first + s, end - 1u);
        dts[s] = ddelta[p * u.inner + e];
        xs[s] = x[p * u.inner + e];
        keep[s] = keeps(p);
        inputsB[s] = inputStates(p, n, e);
      }
    }
    fn decayAt(s: u32, rate: vec4f) -> vec4f {
      return keep[s] * exp2(clamp(dts[s] * rate, vec4f(-126.0), vec4f(126.0)));
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
        var g: vec4f;
        for (var j = 0u; j < 4u; j++) {
          h[j] = 0.0;
          g[j] = 0.0;
          if (n + j < u.states) {
            h[j] = live * edges[(k * u.states + n + j) * u.inner + e];
            g[j] = live * values[(k * u.rows + n + j) * u.inner + e];
          }
        }
        var starts: array<vec4f, TILES>;
        for (var tile = 0u; tile < TILES; tile++) {
          starts[tile] = h;
          let first = begin + tile * STEPS;
          if (first >= end) { continue; }
          readSteps(firstRow, first, end, e, n);
          for (var s = 0u; s < STEPS; s++) {
            if (first + s < end) { h = decayAt(s, rate) * h + live * dts[s] * xs[s] * inputsB[s]; }
          }
        }

        var dRate = vec4f(0.0);
        var dB = vec4f(0.0);
        var dC = vec4f(0.0);
        var dSkip = 0.0;
        var dBias = 0.0;
        for (var back = 0u; back < TILES; back++) {
          let tile = TILES - 1u - back;
          let first = begin + tile * STEPS;
          if (first >= end) { continue; }
          var states: array<vec4f, STEPS + 1u>;
          var decays: array<vec4f, STEPS>;
          states[0] = starts[tile];
          readSteps(firstRow, first, end, e, n);
          var outputsC: array<vec4f, STEPS>;
          var slopes: array<f32, STEPS>;
          for (var s = 0u; s < STEPS; s++) {
            let p = firstRow + min(first + s, end - 1u);
            outputsC[s] = outputStates(p, n, e);
            slopes[s] = live * du[p * u.inner + e];
          }
          for (var s = 0u; s < STEPS; s++) {
            states[s + 1u] = states[s];
            decays[s] = decayAt(s, rate);
            if (first + s < end) { states[s + 1u] = decays[s] * states[s] + live * dts[s] * xs[s] * inputsB[s]; }
          }
          for (var up = 0u; up < STEPS; up++) {
            let s = STEPS - 1u - up;
            if (first + s < end) {
              let dt = dts[s];
              let slope = slopes[s];
              let scaled = live * dt * xs[s];
              let B = inputsB[s];
              let C = outputsC[s];
              g += slope * C;
              if (CONSTANT_B) { dB += g * scaled; } else { products[2u * s * THREADS + local] = g * scaled; }
              if (CONSTANT_C) {
                dC += slope * states[s + 1u];
              } else {
                products[(2u * s + 1u) * THREADS + local] = slope * states[s + 1u];
              }
              let viaInput = dot(g, B);
              g *= decays[s];
              let kept = g * states[s];
              dRate += dt * kept;
              sums[s * THREADS + local] = vec4f(viaInput, dot(kept, rate), dot(C, states[s + 1u]), 0.0);
            }
          }
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
              if (state >= u.states) { break; }
              let place = ((row * u.blocks + block) * 2u + part) * u.states + state;
              if (sub == blockBegin) { partials[place] = total[j]; } else { partials[place] += total[j]; }
            }
          }
          // Sums over states: the threads of a channel share its tokens.
          for (var s = quad; s < STEPS; s += QUADS) {
            if (first + s >= end || !valid) { continue; }
            var total = vec4f(0.0);
            for (var m = 0u; m < QUADS; m++) { total += sums[s * THREADS + channel * QUADS + m]; }
            let i = (firstRow + first + s) * u.inner + e;
            let dt = ddelta[i];
            let slope = du[i];
            let d = (LN2 * total.y + x[i] * total.x) * stepSlope(dt);
            dSkip += slope * x[i];
            dBias += d;
            du[i] = dt * total.x + skip * slope;
            ddelta[i] = d;
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
          values[(row + u.states) * u.inner + e] = total.x;
          values[(row + u.states + 1u) * u.inner + e] = total.y;
        }
        if (valid) {
          for (var j = 0u; j < 4u; j++) {
            if (n + j >= u.states) { break; }
            values[(row + n + j) * u.inner + e] = dRate[j];
            if (CONSTANT_B) { values[(row + u.states + 2u + n + j) * u.inner + e] = dB[j]; }
            if (CONSTANT_C) { values[(row + u.rows - u.states + n + j) * u.inner + e] = dC[j]; }
          }
        }
        workgroupBarrier();
      }
    }`,
})
