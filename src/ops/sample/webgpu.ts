import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import { dims } from '../../tensor/shape.ts'
import type { Call } from '../operation.ts'
import { keysPart } from './webgpu-keys.ts'
import type { SampleInputs, SampleOutputs } from './types.ts'

const WORKGROUP = 256
/** Logits of a workgroup that looks for the largest. */
const PART = 2048

/**
 * parts [B, PARTS, 2]: the largest key in each part of a row of logits [B, V], and its first token. A
 * workgroup a part.
 */
const sampleLargest = defineKernel({
  name: 'sampleLargest',
  bindings: { logits: 'f32 view', settings: 'f32', seen: 'i32?', parts: 'u32 rw' },
  uniforms: { items: 'u32', V: 'u32', count: 'u32' },
  constants: { WORKGROUP: 'u32' },
  parts: [keysPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let item = flatGroup(group);
      if (item >= u.items) { return; }
      let b = item / u.count;
      let first = item % u.count * TOGETHER * WORKGROUP + local;
      var best = vec2u(0u, 0u);
      for (var i = 0u; i < TOGETHER; i++) {
        let v = min(first + i * WORKGROUP, u.V - 1u);
        best = larger(best, vec2u(keyOf(logitAt(b, v)), v));
      }
      best = largestOfAll(best, local);
      if (local < 2u) { parts[2u * item + local] = best[local]; }
    }`,
})

/**
 * tokens [B]: one workgroup a row of logits [B, V]; see `sample` for what it does. The k-th largest logit and
 * the edge of topP are found by bisection on the bits of the logits, two bits a pass.
 */
const sampleKernel = defineKernel({
  name: 'sample',
  bindings: {
    logits: 'f32 view',
    chance: 'f32',
    settings: 'f32',
    seen: 'i32?',
    parts: 'u32',
    tokens: 'i32 rw',
  },
  uniforms: { B: 'u32', V: 'u32', count: 'u32' },
  constants: { WORKGROUP: 'u32' },
  parts: [keysPart],
  body: /* wgsl */ `
    var<workgroup> masses: array<vec4f, WORKGROUP>;
    var<workgroup> counts: array<vec4u, WORKGROUP>;
    var<workgroup> shared4: vec4u;
    var<workgroup> owner: atomic<u32>;

    fn logitOf(key: u32) -> f32 {
      return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
    }

    /** The largest key of the row, and the first token that has it. */
    fn largestOf(b: u32, local: u32) -> vec2u {
      var best = vec2u(0u, 0u);
      for (var i = local; i < u.count; i += WORKGROUP) {
        let at = 2u * (b * u.count + i);
        best = larger(best, vec2u(parts[at], parts[at + 1u]));
      }
      return largestOfAll(best, local);
    }

    /** exp(logit / temperature), as a part of the largest; 0 of keys below 'least'. */
    fn weightOf(x: f32, largest: f32, least: u32) -> f32 {
      return select(0.0, exp((x - largest) / settings[0]), keyOf(x) >= least);
    }

    fn totalOf(b: u32, local: u32, largest: f32, least: u32) -> f32 {
      var sum = 0.0;
      for (var first = local; first < u.V; first += TOGETHER * WORKGROUP) {
        for (var i = 0u; i < TOGETHER; i++) {
          let v = first + i * WORKGROUP;
          sum += select(0.0, weightOf(logitAt(b, min(v, u.V - 1u)), largest, least), v < u.V);
        }
      }
      masses[local].x = sum;
      for (var half = WORKGROUP / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if (local < half) { masses[local].x += masses[local + half].x; }
      }
      if (local == 0) { shared4.x = bitcast<u32>(masses[0].x); }
      return bitcast<f32>(workgroupUniformLoad(&shared4).x);
    }

    /**
     * The key at which tokens, from the largest logit down and none below 'least', reach 'goal': in number,
     * or in weight if 'weighted'.
     */
    fn keyReaching(b: u32, local: u32, largest: f32, least: u32, goal: f32, weighted: bool) -> u32 {
      var prefix = 0u;
      // What stands above all keys that begin with the prefix.
      var above = 0.0;
      for (var shift = 30i; shift >= 0; shift -= 2) {
        var mass = vec4f(0.0);
        var count = vec4u(0u);
        for (var first = local; first < u.V; first += TOGETHER * WORKGROUP) {
          for (var i = 0u; i < TOGETHER; i++) {
            let v = first + i * WORKGROUP;
            let x = logitAt(b, min(v, u.V - 1u));
            let key = keyOf(x);
            let digit = (key ^ prefix) >> u32(shift);
            let hit = (vec4u(digit) == vec4u(0u, 1u, 2u, 3u)) & vec4<bool>(key >= least && v < u.V);
            count += vec4u(hit);
            if (weighted) { mass += vec4f(hit) * weightOf(x, largest, least); }
          }
        }
        masses[local] = select(vec4f(count), mass, weighted);
        counts[local] = count;
        for (var half = WORKGROUP / 2; half > 0; half /= 2) {
          workgroupBarrier();
          if (local < half) {
            masses[local] += masses[local + half];
            counts[local] += counts[local + half];
          }
        }
        if (local == 0) {
          var before = above;
          for (var digit = 3i; digit >= 0; digit--) {
            let number = counts[0][digit];
            if (number == 0u) { continue; }
            // If rounding keeps the goal out of reach, the last digit stays.
            shared4 = vec4u(u32(digit), number, bitcast<u32>(before), 0u);
            before += masses[0][digit];
            if (before >= goal) { break; }
          }
        }
        let found = workgroupUniformLoad(&shared4);
        prefix |= found.x << u32(shift);
        above = bitcast<f32>(found.z);
        if (found.y == 1u) { break; }
      }
      return prefix;
    }

    /**
     * A token in the order of ids: each thread has a run of them. Weights below minP of the largest do not
     * count.
     */
    fn draw(b: u32, local: u32, largest: f32, least: u32) {
      let run = (u.V + WORKGROUP - 1) / WORKGROUP;
      let first = min(local * run, u.V);
      let last = min(first + run, u.V);
      var sum = 0.0;
      for (var start = first; start < last; start += TOGETHER) {
        for (var v = start; v < start + TOGETHER; v++) {
          sum += select(0.0, keptWeight(logitAt(b, min(v, u.V - 1u)), largest, least), v < last);
        }
      }
      masses[local].x = sum;
      if (local == 0) { atomicStore(&owner, 0u); }
      workgroupBarrier();
      // Sums of all runs up to this one.
      for (var reach = 1u; reach < WORKGROUP; reach *= 2) {
        var more = 0.0;
        if (local >= reach) { more = masses[local - reach].x; }
        workgroupBarrier();
        masses[local].x += more;
        workgroupBarrier();
      }
      let goal = max(chance[b], 0.0) * masses[WORKGROUP - 1].x;
      var before = 0.0;
      if (local > 0) { before = masses[local - 1].x; }
      let mine = sum > 0.0 && before <= goal;
      if (mine) { atomicMax(&owner, local); }
      workgroupBarrier();
      if (!mine || atomicLoad(&owner) != local) { return; }
      for (var v = first; v < last; v++) {
        let weight = keptWeight(logitAt(b, v), largest, least);
        if (weight > 0.0 && before <= goal) { tokens[b] = i32(v); }
        before += weight;
      }
    }

    fn keptWeight(x: f32, largest: f32, least: u32) -> f32 {
      let weight = weightOf(x, largest, least);
      return select(0.0, weight, weight >= settings[3] || x == largest);
    }

    /** Whether all logits are 0, of which 'best' is the largest with its first token. */
    fn areZeros(b: u32, local: u32, best: vec2u) -> bool {
      if (u.V < 2u || best.y != 0u || best.x != 0x80000000u) { return false; }
      if (local == 0) { atomicStore(&owner, 0u); }
      workgroupBarrier();
      for (var v = local; v < u.V; v += WORKGROUP) {
        if (logitAt(b, v) != 0.0) { atomicStore(&owner, 1u); }
      }
      workgroupBarrier();
      if (local == 0) { shared4.x = atomicLoad(&owner); }
      return workgroupUniformLoad(&shared4).x == 0u;
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let b = flatGroup(group);
      if (b >= u.B) { return; }
      let best = largestOf(b, local);
      if (best.x == BAD || best.x <= LOWEST) {
        if (local == 0) { tokens[b] = -1; }
        return;
      }
      if (areZeros(b, local, best)) {
        if (local == 0) { tokens[b] = -2; }
        return;
      }
      if (!(settings[0] > 0.0)) {
        if (local == 0) { tokens[b] = i32(best.y); }
        return;
      }
      let largest = logitOf(best.x);
      var least = LOWEST + 1u;
      let topK = settings[1];
      if (topK >= 1.0 && topK < f32(u.V)) { least = max(least, keyReaching(b, local, largest, 0u, floor(topK), false)); }
      let topP = settings[2];
      if (topP < 1.0) {
        let goal = topP * totalOf(b, local, largest, least);
        least = keyReaching(b, local, largest, least, goal, true);
      }
      draw(b, local, largest, least);
    }`,
})

export function sample({
  inputs: { logits, uniform, settings, seen },
  outputs: { tokens },
  scratch,
}: Call<SampleInputs, SampleOutputs, object>): WebGpuLaunch[] {
  const [B, V] = dims(logits, 2)
  const count = Math.ceil(V / PART)
  const parts = scratch([B, count, 2], 'u32')
  const constants = { WORKGROUP }
  return [
    launch(sampleLargest, {
      bindings: { logits, settings, seen, parts },
      uniforms: { items: B * count, V, count },
      constants,
      grid: gridOf(B * count, 1),
    }),
    launch(sampleKernel, {
      // `uniform` is a word of WGSL.
      bindings: { logits, chance: uniform, settings, seen, parts, tokens },
      uniforms: { B, V, count },
      constants,
      grid: gridOf(B, 1),
    }),
  ]
}
