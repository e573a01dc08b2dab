import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { activationPart } from '../../parts/activation.ts'
import type { SelectiveScanBackward } from '../op.ts'
import { CHUNK, scanSizes } from '../sizes.ts'
import { selectiveScanBackwardApply, stepsFor, threadsFor } from './backward-apply.ts'
import { edgeLaunches } from './forward.ts'
import { carry, decaysPart, pack, readPart, SIZES, SWITCHES, WORKGROUP } from './shared.ts'

/** States that a thread keeps in registers at a time: a multiple of 4. */
const STATES = 8
/** Channels whose part in dB and dC is summed before it is written: fewer where there are few tokens. */
const BLOCK = 64
const SMALL_BLOCK = 32
const ENOUGH_GROUPS = 256

/** steps = dt; slopes = dy silu(z), the gradient before the gate; gate = dy silu'(z). A thread an element. */
const selectiveScanSlopes = defineKernel({
  name: 'selectiveScanSlopes',
  bindings: {
    delta: 'f32',
    channels: 'f32',
    dy: 'f32?',
    z: 'f32? view',
    steps: 'f32 rw',
    slopes: 'f32 rw',
    gate: 'f32? rw',
  },
  uniforms: { size: 'u32', inner: 'u32', stateSize: 'u32' },
  constants: { WORKGROUP: 'u32', WITH_SOFTPLUS: 'bool' },
  parts: [activationPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let e = i % u.inner;
      let raw = delta[i] + channels[(u.stateSize + 1u) * u.inner + e];
      steps[i] = select(raw, activate(SOFTPLUS, raw), WITH_SOFTPLUS);
      var d = 0.0;
      if (HAS_DY) { d = dy[i]; }
      if (HAS_Z) {
        let at = z[u.zOffset + i / u.inner * u.zStride + e];
        gate[i] = d * activateSlope(SILU, at);
        d *= activate(SILU, at);
      }
      slopes[i] = d;
    }`,
})

/**
 * What the outputs of a chunk add to the gradient of the state before it: added [B, chunks, rows, E]; sums
 * [B, chunks, 2, E] of dt, and 0 if there was a reset. A thread a channel, block of states and chunk.
 */
const selectiveScanBackwardChunks = defineKernel({
  name: 'selectiveScanBackwardChunks',
  bindings: {
    steps: 'f32',
    slopes: 'f32',
    channels: 'f32',
    tokens: 'vec4f',
    added: 'f32 rw',
    sums: 'f32 rw',
  },
  uniforms: { ...SIZES, items: 'u32', rows: 'u32' },
  constants: { ...SWITCHES, WORKGROUP: 'u32', STATES: 'u32' },
  parts: [readPart, decaysPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let channelBlocks = (u.inner + WORKGROUP - 1u) / WORKGROUP;
      let stateBlocks = (u.stateSize + STATES - 1u) / STATES;
      let item = flatGroup(group);
      if (item >= u.items) { return; }
      let e = item % channelBlocks * WORKGROUP + local;
      let first = item / channelBlocks % stateBlocks * STATES;
      let k = item / channelBlocks / stateBlocks;
      if (e >= u.inner) { return; }
      var rate: array<vec4f, STATES / 4u>;
      var g: array<vec4f, STATES / 4u>;
      for (var j = 0u; j < STATES / 4u; j++) { rate[j] = rates(first + 4u * j, e); }
      let begin = k % u.chunks * CHUNK;
      var sum = 0.0;
      var kept = 1.0;
      for (var t = min(u.length, begin + CHUNK); t > begin; t--) {
        let p = k / u.chunks * u.length + t - 1u;
        let dt = steps[p * u.inner + e];
        let slope = slopes[p * u.inner + e];
        let keep = keeps(p);
        for (var j = 0u; j < STATES / 4u; j++) {
          let decay = keep * decays(dt, rate[j]);
          g[j] = decay * fma(vec4f(slope), outputStates(p, first + 4u * j, e), g[j]);
        }
        sum += dt;
        kept *= keep;
      }
      for (var j = 0u; j < STATES; j++) {
        if (first + j < u.stateSize) { added[(k * u.rows + first + j) * u.inner + e] = g[j / 4u][j % 4u]; }
      }
      if (first == 0u) {
        sums[k * 2u * u.inner + e] = sum;
        sums[(k * 2u + 1u) * u.inner + e] = kept;
      }
    }`,
})

/**
 * out [E, count] = rows from \`column\` on of values [parts, rows, E], summed over parts. A thread an
 * element.
 */
const selectiveScanBackwardChannels = defineKernel({
  name: 'selectiveScanBackwardChannels',
  bindings: { values: 'f32', out: 'f32 rw' },
  uniforms: { size: 'u32', inner: 'u32', parts: 'u32', rows: 'u32', column: 'u32', count: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let e = i % u.inner;
      let j = i / u.inner;
      var sum = 0.0;
      for (var part = 0u; part < u.parts; part++) {
        sum += values[(part * u.rows + u.column + j) * u.inner + e];
      }
      out[e * u.count + j] = sum;
    }`,
})

/**
 * dB or dC [B L G, N] = part 0 or 1 of partials [B L G, blocks, 2, N], summed over blocks. A thread an
 * element.
 */
const selectiveScanBackwardTokens = defineKernel({
  name: 'selectiveScanBackwardTokens',
  bindings: { partials: 'f32', out: 'f32 rw' },
  uniforms: { size: 'u32', stateSize: 'u32', blocks: 'u32', part: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let row = i / u.stateSize;
      var sum = 0.0;
      for (var block = 0u; block < u.blocks; block++) {
        sum += partials[((row * u.blocks + block) * 2u + u.part) * u.stateSize + i % u.stateSize];
      }
      out[i] = sum;
    }`,
})

/**
 * First du, dDelta and dz hold what the last kernel starts from (slopes, steps, gate): it writes the
 * gradients over them.
 */
export function selectiveScanBackward({
  inputs,
  outputs: { du, dDelta, dA, dB, dC, dD, dz, dDeltaBias, dInitialState },
  params,
  scratch,
}: SelectiveScanBackward): WebGpuLaunch[] {
  const { u, delta, z, dy, dFinalState } = inputs
  const sizes = scanSizes(inputs)
  const { batch, length, inner, stateSize, groups, chunks } = sizes
  const packed = pack(inputs, scratch)
  const { channels, tokens, uniforms, constants } = packed
  const { CONSTANT_B, CONSTANT_C } = constants
  const WITH_SOFTPLUS = params.deltaSoftplus ?? false
  const launches = [...packed.launches]
  let edges = inputs.edges
  if (!edges) {
    edges = scratch([batch, chunks, stateSize, inner])
    launches.push(...edgeLaunches(inputs, params, packed, edges, scratch))
  }

  // Rows by channel: N of the state's gradient, then of dA; dD; dDeltaBias; constant dB; constant dC.
  const rows = stateSize + 2 + (CONSTANT_B ? stateSize : 0) + (CONSTANT_C ? stateSize : 0)
  const values = scratch([batch, chunks, rows, inner])
  const sums = scratch([batch, chunks, 2, inner])
  const stateBlock = stateSize > 4 ? STATES : 4
  const items = batch * chunks * Math.ceil(stateSize / stateBlock) * Math.ceil(inner / WORKGROUP)
  launches.push(
    launch(selectiveScanSlopes, {
      bindings: { delta, channels, dy, z, steps: dDelta, slopes: du, gate: dz },
      uniforms: { size: u.size, inner, stateSize },
      constants: { WORKGROUP, WITH_SOFTPLUS },
      grid: gridOf(u.size, WORKGROUP),
    }),
    launch(selectiveScanBackwardChunks, {
      bindings: { steps: dDelta, slopes: du, channels, tokens, added: values, sums },
      uniforms: { ...uniforms, items, rows },
      constants: { ...constants, WORKGROUP, STATES: stateBlock },
      grid: gridOf(items, 1),
    }),
    carry(sizes, { channels, sums, start: dFinalState, values, end: dInitialState }, rows, true),
  )

  const perGroup = inner / groups
  const many = batch * chunks * groups * Math.ceil(perGroup / BLOCK) >= ENOUGH_GROUPS
  const { QUADS, CHANNELS } = threadsFor(stateSize)
  const block = CHANNELS * Math.ceil((many ? BLOCK : SMALL_BLOCK) / CHANNELS)
  const blocks = Math.ceil(perGroup / block)
  const partials = scratch(CONSTANT_B && CONSTANT_C ? [1] : [batch * length * groups, blocks, 2, stateSize])
  const STEPS = stepsFor(QUADS)
  const workgroups = batch * chunks * groups * blocks
  launches.push(
    launch(selectiveScanBackwardApply, {
      bindings: { x: u, channels, tokens, edges, values, partials, du, dDelta, dz },
      uniforms: { ...uniforms, items: workgroups, rows, block, blocks },
      constants: { ...constants, QUADS, CHANNELS, STEPS, TILES: CHUNK / STEPS, WITH_SOFTPLUS },
      grid: gridOf(workgroups, 1),
    }),
  )

  const channelSum = (out: Tensor | undefined, column: number, count: number): void => {
    if (!out) return
    launches.push(
      launch(selectiveScanBackwardChannels, {
        bindings: { values, out },
        uniforms: { size: out.size, inner, parts: batch * chunks, rows, column, count },
        constants: { WORKGROUP },
        grid: gridOf(out.size, WORKGROUP),
      }),
    )
  }
  const tokenSum = (out: Tensor, part: number): void => {
    launches.push(
      launch(selectiveScanBackwardTokens, {
        bindings: { partials, out },
        uniforms: { size: out.size, stateSize, blocks, part },
        constants: { WORKGROUP },
        grid: gridOf(out.size, WORKGROUP),
      }),
    )
  }
  channelSum(dA, 0, stateSize)
  channelSum(dD, stateSize, 1)
  channelSum(dDeltaBias, stateSize + 1, 1)
  if (CONSTANT_B) channelSum(dB, stateSize + 2, stateSize)
  else tokenSum(dB, 0)
  if (CONSTANT_C) channelSum(dC, rows - stateSize, stateSize)
  else tokenSum(dC, 1)
  return launches
}
