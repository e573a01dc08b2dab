import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { ACTIVATION_WGSL } from '../activation/wgsl.ts'
import type { Call } from '../operation.ts'
import type { SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanParams } from './index.ts'
import { scanSizes } from './sizes.ts'
import { carry, pack, READ, SIZES, SWITCHES, WORKGROUP, type Packed } from './webgpu-shared.ts'

/** States that a thread keeps in registers at a time. */
const STATES = 16

/**
 * What a chunk adds to the state from nothing: added [B, chunks, N, E]; sums [B, chunks, 2, E] of dt, and 0 if there was a
 * reset. A thread a channel, block of states and chunk.
 */
const selectiveScanChunks = defineKernel({
  name: 'selectiveScanChunks',
  bindings: { x: 'f32', delta: 'f32', channels: 'f32', tokens: 'f32', added: 'f32 rw', sums: 'f32 rw' },
  uniforms: { ...SIZES, items: 'u32' },
  constants: { ...SWITCHES, WORKGROUP: 'u32', STATES: 'u32', WITH_SOFTPLUS: 'bool' },
  body: `${ACTIVATION_WGSL}${READ}
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let channelBlocks = (u.inner + WORKGROUP - 1u) / WORKGROUP;
      let stateBlocks = (u.states + STATES - 1u) / STATES;
      let item = flatGroup(group);
      if (item >= u.items) { return; }
      let e = item % channelBlocks * WORKGROUP + local;
      let first = item / channelBlocks % stateBlocks * STATES;
      // b chunks + chunk
      let k = item / channelBlocks / stateBlocks;
      if (e >= u.inner) { return; }
      var rate: array<f32, STATES>;
      var h: array<f32, STATES>;
      for (var j = 0u; j < STATES; j++) { rate[j] = decayRate(first + j, e); h[j] = 0.0; }
      let bias = biasOf(e);
      let begin = k % u.chunks * CHUNK;
      let end = min(u.length, begin + CHUNK);
      var sum = 0.0;
      var kept = 1.0;
      for (var t = begin; t < end; t++) {
        let p = k / u.chunks * u.length + t;
        var dt = delta[p * u.inner + e] + bias;
        if (WITH_SOFTPLUS) { dt = activate(SOFTPLUS, dt); }
        let keep = keeps(p);
        let scaled = dt * x[p * u.inner + e];
        for (var j = 0u; j < STATES; j++) {
          let decay = keep * exp2(clamp(dt * rate[j], -126.0, 126.0));
          h[j] = fma(scaled, inputState(p, first + j, e), decay * h[j]);
        }
        sum += dt;
        kept *= keep;
      }
      for (var j = 0u; j < STATES; j++) {
        if (first + j < u.states) { added[(k * u.states + first + j) * u.inner + e] = h[j]; }
      }
      if (first == 0u) {
        sums[k * 2u * u.inner + e] = sum;
        sums[(k * 2u + 1u) * u.inner + e] = kept;
      }
    }`,
})

/**
 * y [B, L, E] from the states before the chunk: edges [B, chunks, N, E], or the initial state; the last chunk gives
 * finalState [B, E, N]. A thread a channel and chunk, block by block of states: y gathers their parts.
 */
const selectiveScanApply = defineKernel({
  name: 'selectiveScanApply',
  bindings: {
    x: 'f32',
    delta: 'f32',
    channels: 'f32',
    tokens: 'f32',
    z: 'f32? view',
    edges: 'f32?',
    initialState: 'f32?',
    y: 'f32 rw',
    finalState: 'f32 rw',
  },
  uniforms: { ...SIZES, items: 'u32' },
  constants: { ...SWITCHES, WORKGROUP: 'u32', STATES: 'u32', WITH_SOFTPLUS: 'bool' },
  body: `${ACTIVATION_WGSL}${READ}
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let channelBlocks = (u.inner + WORKGROUP - 1u) / WORKGROUP;
      let item = flatGroup(group);
      if (item >= u.items) { return; }
      let e = item % channelBlocks * WORKGROUP + local;
      let k = item / channelBlocks;
      if (e >= u.inner) { return; }
      let b = k / u.chunks;
      let begin = k % u.chunks * CHUNK;
      let end = min(u.length, begin + CHUNK);
      let bias = biasOf(e);
      let skip = skipOf(e);
      for (var first = 0u; first < u.states; first += STATES) {
        var rate: array<f32, STATES>;
        var h: array<f32, STATES>;
        for (var j = 0u; j < STATES; j++) {
          rate[j] = decayRate(first + j, e);
          h[j] = 0.0;
          if (first + j < u.states) {
            if (HAS_EDGES) {
              h[j] = edges[(k * u.states + first + j) * u.inner + e];
            } else if (HAS_INITIAL_STATE) {
              h[j] = initialState[(b * u.inner + e) * u.states + first + j];
            }
          }
        }
        for (var t = begin; t < end; t++) {
          let p = b * u.length + t;
          let i = p * u.inner + e;
          var dt = delta[i] + bias;
          if (WITH_SOFTPLUS) { dt = activate(SOFTPLUS, dt); }
          let keep = keeps(p);
          let input = x[i];
          let scaled = dt * input;
          var sum = 0.0;
          if (first == 0u) { sum = skip * input; } else { sum = y[i]; }
          for (var j = 0u; j < STATES; j++) {
            let decay = keep * exp2(clamp(dt * rate[j], -126.0, 126.0));
            h[j] = fma(scaled, inputState(p, first + j, e), decay * h[j]);
            sum = fma(outputState(p, first + j, e), h[j], sum);
          }
          if (HAS_Z && first + STATES >= u.states) { sum *= activate(SILU, z[u.zOffset + p * u.zStride + e]); }
          y[i] = sum;
        }
        if (end < u.length) { continue; }
        for (var j = 0u; j < STATES; j++) {
          if (first + j < u.states) { finalState[(b * u.inner + e) * u.states + first + j] = h[j]; }
        }
      }
    }`,
})

/** Fills edges [B, chunks, N, E] with the states before each chunk. */
export function edgeLaunches(
  inputs: SelectiveScanInputs,
  { deltaSoftplus = false }: SelectiveScanParams,
  { channels, tokens, uniforms, constants }: Packed,
  edges: Tensor,
  scratch: (shape: readonly number[]) => Tensor,
): WebGpuLaunch[] {
  const sizes = scanSizes(inputs)
  const { batch, inner, states, chunks } = sizes
  const sums = scratch([batch, chunks, 2, inner])
  const launches: WebGpuLaunch[] = []
  const stateBlock = Math.min(states, STATES)
  const items = batch * chunks * Math.ceil(states / stateBlock) * Math.ceil(inner / WORKGROUP)
  launches.push(
    launch(selectiveScanChunks, {
      bindings: { x: inputs.u, delta: inputs.delta, channels, tokens, added: edges, sums },
      uniforms: { ...uniforms, items },
      constants: { ...constants, WORKGROUP, STATES: stateBlock, WITH_SOFTPLUS: deltaSoftplus },
      grid: gridOf(items, 1),
    }),
    carry(sizes, { channels, sums, start: inputs.initialState, values: edges }, states, false),
  )
  return launches
}

export function webgpu({
  inputs,
  outputs: { y, finalState, edges: kept },
  params,
  scratch,
}: Call<SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanParams>): WebGpuLaunch[] {
  const { u, delta, z, initialState } = inputs
  const { batch, inner, states, chunks } = scanSizes(inputs)
  const packed = pack(inputs, scratch)
  const { channels, tokens, uniforms, constants } = packed
  const launches = [...packed.launches]
  const edges = kept ?? (chunks > 1 ? scratch([batch, chunks, states, inner]) : undefined)
  if (edges) launches.push(...edgeLaunches(inputs, params, packed, edges, scratch))
  const items = batch * chunks * Math.ceil(inner / WORKGROUP)
  launches.push(
    launch(selectiveScanApply, {
      bindings: { x: u, delta, channels, tokens, z, edges, initialState, y, finalState },
      uniforms: { ...uniforms, items },
      constants: {
        ...constants,
        WORKGROUP,
        STATES: Math.min(states, STATES),
        WITH_SOFTPLUS: params.deltaSoftplus ?? false,
      },
      grid: gridOf(items, 1),
    }),
  )
  return launches
}
