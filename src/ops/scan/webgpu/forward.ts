import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { part } from '../../../devices/webgpu/part.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { activationPart } from '../../parts/activation.ts'
import type { Call } from '../../operation.ts'
import { scanSizes, type ScanSizes } from '../sizes.ts'
import type { SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanParams } from '../types.ts'
import { carry, decaysPart, pack, readPart, SIZES, SWITCHES, WORKGROUP, type Packed } from './shared.ts'

/** States that a thread keeps in registers at a time: a multiple of 4. */
const STATES = 16

/**
 * What a workgroup reads of its chunk's tokens together: B, C and whether a state is kept. `SHARED`: all its
 * channels have the same B and C. Reading them anew for each token and channel made a scan wait for memory at
 * every step.
 */
const stagePart = part({
  name: 'tokens of a chunk',
  needs: [
    'STATES',
    'CHUNK',
    'SHARED',
    'WITH_C',
    'WORKGROUP',
    'keeps',
    'inputStates',
    'outputStates',
    'WITH_SOFTPLUS',
    'activate',
    'SOFTPLUS',
  ],
  gives: ['FOURS', 'inputs4', 'outputs4', 'kept', 'stage', 'stepOf'],
  text: /* wgsl */ `
    const FOURS = STATES / 4u;
    var<workgroup> inputs4: array<vec4f, select(1u, CHUNK * FOURS, SHARED)>;
    var<workgroup> outputs4: array<vec4f, select(1u, CHUNK * FOURS, SHARED && WITH_C)>;
    var<workgroup> kept: array<f32, CHUNK>;

    /** Tokens p, p + 1, … of a chunk, and states from n on, of the group of channel e. */
    fn stage(p: u32, size: u32, n: u32, e: u32, local: u32) {
      workgroupBarrier();
      for (var i = local; i < size; i += WORKGROUP) { kept[i] = keeps(p + i); }
      if (SHARED) {
        for (var i = local; i < size * FOURS; i += WORKGROUP) {
          inputs4[i] = inputStates(p + i / FOURS, n + i % FOURS * 4u, e);
          if (WITH_C) { outputs4[i] = outputStates(p + i / FOURS, n + i % FOURS * 4u, e); }
        }
      }
      workgroupBarrier();
    }

    fn stepOf(raw: f32, bias: f32) -> f32 {
      if (WITH_SOFTPLUS) { return activate(SOFTPLUS, raw + bias); }
      return raw + bias;
    }
`,
})

const constants = {
  ...SWITCHES,
  WORKGROUP: 'u32',
  STATES: 'u32',
  WITH_SOFTPLUS: 'bool',
  WITH_C: 'bool',
  SHARED: 'bool',
} as const

/**
 * What a chunk adds to the state from nothing: added [B, chunks, N, E]; sums [B, chunks, 2, E] of dt, and 0
 * if there was a reset. A thread a channel, block of states and chunk.
 */
const selectiveScanChunks = defineKernel({
  name: 'selectiveScanChunks',
  bindings: { x: 'f32', delta: 'f32', channels: 'f32', tokens: 'vec4f', added: 'f32 rw', sums: 'f32 rw' },
  uniforms: { ...SIZES, items: 'u32' },
  constants,
  parts: [activationPart, readPart, decaysPart, stagePart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let channelBlocks = (u.inner + WORKGROUP - 1u) / WORKGROUP;
      let stateBlocks = (u.stateSize + STATES - 1u) / STATES;
      let item = flatGroup(group);
      if (item >= u.items) { return; }
      let e0 = item % channelBlocks * WORKGROUP;
      let e = e0 + local;
      let first = item / channelBlocks % stateBlocks * STATES;
      // b chunks + chunk
      let k = item / channelBlocks / stateBlocks;
      let begin = k % u.chunks * CHUNK;
      let size = min(u.length - begin, CHUNK);
      let p = k / u.chunks * u.length + begin;
      stage(p, size, first, e0, local);
      if (e >= u.inner) { return; }
      var rate: array<vec4f, FOURS>;
      var h: array<vec4f, FOURS>;
      for (var j = 0u; j < FOURS; j++) { rate[j] = rates(first + 4u * j, e); }
      let bias = biasOf(e);
      var sum = 0.0;
      var through = 1.0;
      var nextDelta = delta[p * u.inner + e];
      var nextX = x[p * u.inner + e];
      for (var t = 0u; t < size; t++) {
        let dt = stepOf(nextDelta, bias);
        let scaled = dt * nextX;
        let next = (p + min(t + 1u, size - 1u)) * u.inner + e;
        nextDelta = delta[next];
        nextX = x[next];
        let keep = kept[t];
        for (var j = 0u; j < FOURS; j++) {
          var B4: vec4f;
          if (SHARED) { B4 = inputs4[t * FOURS + j]; } else { B4 = inputStates(p + t, first + 4u * j, e); }
          h[j] = fma(vec4f(scaled), B4, keep * decays(dt, rate[j]) * h[j]);
        }
        sum += dt;
        through *= keep;
      }
      for (var j = 0u; j < STATES; j++) {
        if (first + j < u.stateSize) { added[(k * u.stateSize + first + j) * u.inner + e] = h[j / 4u][j % 4u]; }
      }
      if (first == 0u) {
        sums[k * 2u * u.inner + e] = sum;
        sums[(k * 2u + 1u) * u.inner + e] = through;
      }
    }`,
})

/**
 * y [B, L, E] from the states before the chunk: edges [B, chunks, N, E], or the initial state; the last chunk
 * gives finalState [B, E, N]. A thread a channel and chunk, block by block of states: y gathers their parts.
 */
const selectiveScanApply = defineKernel({
  name: 'selectiveScanApply',
  bindings: {
    x: 'f32',
    delta: 'f32',
    channels: 'f32',
    tokens: 'vec4f',
    z: 'f32? view',
    edges: 'f32?',
    initialState: 'f32?',
    y: 'f32 rw',
    finalState: 'f32 rw',
  },
  uniforms: { ...SIZES, items: 'u32' },
  constants,
  parts: [activationPart, readPart, decaysPart, stagePart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let channelBlocks = (u.inner + WORKGROUP - 1u) / WORKGROUP;
      let item = flatGroup(group);
      if (item >= u.items) { return; }
      let e0 = item % channelBlocks * WORKGROUP;
      let e = min(e0 + local, u.inner - 1u);
      let k = item / channelBlocks;
      let b = k / u.chunks;
      let begin = k % u.chunks * CHUNK;
      let size = min(u.length - begin, CHUNK);
      let p = b * u.length + begin;
      // Threads beyond the channels only help to read tokens.
      let mine = e0 + local < u.inner;
      let steps = select(0u, size, mine);
      let ends = mine && begin + size == u.length;
      let bias = biasOf(e);
      let skip = skipOf(e);
      for (var first = 0u; first < u.stateSize; first += STATES) {
        stage(p, size, first, e0, local);
        let last = first + STATES >= u.stateSize;
        var rate: array<vec4f, FOURS>;
        var h: array<vec4f, FOURS>;
        for (var j = 0u; j < FOURS; j++) { rate[j] = rates(first + 4u * j, e); }
        for (var j = 0u; j < STATES; j++) {
          if (first + j < u.stateSize) {
            if (HAS_EDGES) {
              h[j / 4u][j % 4u] = edges[(k * u.stateSize + first + j) * u.inner + e];
            } else if (HAS_INITIAL_STATE) {
              h[j / 4u][j % 4u] = initialState[(b * u.inner + e) * u.stateSize + first + j];
            }
          }
        }
        var nextDelta = delta[p * u.inner + e];
        var nextX = x[p * u.inner + e];
        var nextGate = 0.0;
        if (HAS_Z) { nextGate = z[u.zOffset + p * u.zStride + e]; }
        for (var t = 0u; t < steps; t++) {
          let i = (p + t) * u.inner + e;
          let dt = stepOf(nextDelta, bias);
          let input = nextX;
          let gate = nextGate;
          // Before y is written: what is read after that would wait for it.
          let next = p + min(t + 1u, size - 1u);
          nextDelta = delta[next * u.inner + e];
          nextX = x[next * u.inner + e];
          if (HAS_Z) { nextGate = z[u.zOffset + next * u.zStride + e]; }
          let keep = kept[t];
          let scaled = dt * input;
          var sums = vec4f();
          for (var j = 0u; j < FOURS; j++) {
            var B4: vec4f;
            var C4: vec4f;
            if (SHARED) {
              B4 = inputs4[t * FOURS + j];
              C4 = outputs4[t * FOURS + j];
            } else {
              B4 = inputStates(p + t, first + 4u * j, e);
              C4 = outputStates(p + t, first + 4u * j, e);
            }
            h[j] = fma(vec4f(scaled), B4, keep * decays(dt, rate[j]) * h[j]);
            sums = fma(C4, h[j], sums);
          }
          var sum = sums.x + sums.y + (sums.z + sums.w);
          if (first == 0u) { sum = fma(skip, input, sum); } else { sum += y[i]; }
          if (HAS_Z && last) { sum *= activate(SILU, gate); }
          y[i] = sum;
        }
        for (var j = 0u; j < STATES; j++) {
          if (ends && first + j < u.stateSize) { finalState[(b * u.inner + e) * u.stateSize + first + j] = h[j / 4u][j % 4u]; }
        }
      }
    }`,
})

/** Constants of both kernels. */
function constantsOf(
  { inner, stateSize, groups }: ScanSizes,
  { constants: switches }: Packed,
  { deltaSoftplus = false }: SelectiveScanParams,
  withC: boolean,
) {
  const { CONSTANT_B, CONSTANT_C } = switches
  return {
    ...switches,
    WORKGROUP,
    STATES: Math.min(4 * Math.ceil(stateSize / 4), STATES),
    WITH_SOFTPLUS: deltaSoftplus,
    WITH_C: withC,
    SHARED: !CONSTANT_B && !CONSTANT_C && (groups === 1 || (inner / groups) % WORKGROUP === 0),
  }
}

/** Fills edges [B, chunks, N, E] with the states before each chunk. */
export function edgeLaunches(
  inputs: SelectiveScanInputs,
  params: SelectiveScanParams,
  packed: Packed,
  edges: Tensor,
  scratch: (shape: readonly number[]) => Tensor,
): WebGpuLaunch[] {
  const sizes = scanSizes(inputs)
  const { batch, inner, stateSize, chunks } = sizes
  const { channels, tokens, uniforms } = packed
  const sums = scratch([batch, chunks, 2, inner])
  const launches: WebGpuLaunch[] = []
  const items = batch * chunks * Math.ceil(stateSize / STATES) * Math.ceil(inner / WORKGROUP)
  launches.push(
    launch(selectiveScanChunks, {
      bindings: { x: inputs.u, delta: inputs.delta, channels, tokens, added: edges, sums },
      uniforms: { ...uniforms, items },
      constants: constantsOf(sizes, packed, params, false),
      grid: gridOf(items, 1),
    }),
    carry(sizes, { channels, sums, start: inputs.initialState, values: edges }, stateSize, false),
  )
  return launches
}

export function selectiveScan({
  inputs,
  outputs: { y, finalState, edges: kept },
  params,
  scratch,
}: Call<SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanParams>): WebGpuLaunch[] {
  const { u, delta, z, initialState } = inputs
  const sizes = scanSizes(inputs)
  const { batch, inner, stateSize, chunks } = sizes
  const packed = pack(inputs, scratch)
  const { channels, tokens, uniforms } = packed
  const launches = [...packed.launches]
  const edges = kept ?? (chunks > 1 ? scratch([batch, chunks, stateSize, inner]) : undefined)
  if (edges) launches.push(...edgeLaunches(inputs, params, packed, edges, scratch))
  const items = batch * chunks * Math.ceil(inner / WORKGROUP)
  launches.push(
    launch(selectiveScanApply, {
      bindings: { x: u, delta, channels, tokens, z, edges, initialState, y, finalState },
      uniforms: { ...uniforms, items },
      constants: constantsOf(sizes, packed, params, true),
      grid: gridOf(items, 1),
    }),
  )
  return launches
}
