import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { activationPart } from '../../parts/activation.ts'
import type { Call } from '../../operation.ts'
import { sizesOf, type SsdSizes } from '../shapes.ts'
import type { SsdInputs, SsdOutputs, SsdParams } from '../types.ts'
import { decaysAndScores, statesBefore } from './chunks.ts'
import { decaysPart, productParts, SIZES } from './parts.ts'

/**
 * y[l] = decayIn[l] h C[l] + Σ_{s <= l} scores[l, s] decay(s, l) s[s] x[s], plus D x, times silu(z). A
 * workgroup for each (b, chunk, h) and 64 of P.
 */
const ssdOutput = defineKernel({
  name: 'ssdOutput',
  bindings: {
    x: 'f32 view',
    C: 'f32 view',
    D: 'f32?',
    z: 'f32? view',
    decays: 'f32',
    scores: 'f32',
    states: 'f32',
    y: 'f32 rw',
  },
  uniforms: { ...SIZES, slots: 'u32' },
  constants: { CHANNEL_D: 'bool' },
  parts: [activationPart, decaysPart, ...productParts],
  body: /* wgsl */ `
    const STATE = 0u;
    const CHUNK = 1u;
    var<private> row: u32;
    var<private> size: u32;
    var<private> p0: u32;
    var<private> xColumn: u32;
    var<private> cColumn: u32;
    var<private> scoreAt: u32;
    var<private> stateAt: u32;

    fn left(phase: u32, l: u32, k: u32) -> f32 {
      if (l >= size) { return 0.0; }
      if (phase == STATE) {
        if (k >= u.stateSize) { return 0.0; }
        return C[u.COffset + (row + l) * u.CStride + cColumn + k];
      }
      if (k > l) { return 0.0; }
      return scores[scoreAt + l * u.chunk + k] * decay(k, l) * steps[k];
    }

    fn right(phase: u32, k: u32, p: u32) -> f32 {
      if (p0 + p >= u.headDim) { return 0.0; }
      if (phase == STATE) {
        if (k >= u.stateSize) { return 0.0; }
        return states[stateAt + (p0 + p) * u.stateSize + k];
      }
      if (k >= size) { return 0.0; }
      return x[u.xOffset + (row + k) * u.xStride + xColumn + p];
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let blocks = (u.headDim + 63u) / 64u;
      let tile = flatGroup(group);
      let item = tile / blocks;
      if (item >= u.batch * u.chunks * u.heads) { return; }
      let h = item % u.heads;
      let g = h / (u.heads / u.groups);
      let c = (item / u.heads) % u.chunks;
      let b = item / u.heads / u.chunks;
      row = b * u.length + c * u.chunk;
      size = min(u.chunk, u.length - c * u.chunk);
      p0 = 64u * (tile % blocks);
      xColumn = h * u.headDim + p0;
      cColumn = g * u.stateSize;
      scoreAt = ((b * u.chunks + c) * u.groups + g) * u.chunk * u.chunk;
      stateAt = ((b * u.slots + c) * u.heads + h) * u.headDim * u.stateSize;
      loadDecays((b * u.heads + h) * u.length + c * u.chunk, size, local);
      product(STATE, u.stateSize, true, true, local);
      let l = 4u * (local / 16u);
      let p = 4u * (local % 16u);
      sum0 *= decayIn(l);
      sum1 *= decayIn(l + 1u);
      sum2 *= decayIn(l + 2u);
      sum3 *= decayIn(l + 3u);
      product(CHUNK, u.chunk, true, false, local);
      write(h, l, p, sum0);
      write(h, l + 1u, p, sum1);
      write(h, l + 2u, p, sum2);
      write(h, l + 3u, p, sum3);
    }

    fn write(h: u32, l: u32, first: u32, sum: vec4f) {
      for (var j = 0u; j < 4u; j++) {
        let p = first + j;
        if (l < size && p0 + p < u.headDim) {
          var v = sum[j];
          if (HAS_D) { v += D[select(h, xColumn + p, CHANNEL_D)] * x[u.xOffset + (row + l) * u.xStride + xColumn + p]; }
          if (HAS_Z) {
            let gate = z[u.zOffset + (row + l) * u.zStride + xColumn + p];
            v *= gate * sigmoid(gate);
          }
          y[(row + l) * u.heads * u.headDim + xColumn + p] = v;
        }
      }
    }`,
})

/** y, from what lies ready. */
export function output(
  { x, A, C, D, z }: Pick<SsdInputs, 'x' | 'A' | 'C' | 'D' | 'z'>,
  sizes: SsdSizes,
  tensors: { readonly decays: Tensor; readonly scores: Tensor; readonly states: Tensor; readonly y: Tensor },
): WebGpuLaunch {
  const { batch, chunks, heads, headDim } = sizes
  return launch(ssdOutput, {
    bindings: { x, C, D, z, ...tensors },
    uniforms: { ...sizes, slots: tensors.states.shape[1] },
    constants: { CHANNEL_D: D !== undefined && D.size !== A.size },
    grid: gridOf(batch * chunks * heads * Math.ceil(headDim / 64), 1),
  })
}

export function ssd({
  inputs,
  outputs,
  params,
  scratch,
  device,
}: Call<SsdInputs, SsdOutputs, SsdParams>): WebGpuLaunch[] {
  const { x, B, initialState } = inputs
  const sizes = sizesOf(inputs, params, device)
  const { batch, length, heads, headDim, groups, stateSize, chunk, chunks } = sizes
  const decays = scratch([2, batch, heads, length])
  const scores = scratch([batch, chunks, groups, chunk, chunk])
  const through = scratch([batch, chunks, heads])
  const states = scratch([batch, chunks, heads, headDim, stateSize])
  const ends = { first: initialState, last: outputs.finalState }
  return [
    ...decaysAndScores(inputs, params, sizes, { decays, scores }),
    ...statesBefore(x, B, sizes, { decays, states, through, ...ends }),
    output(inputs, sizes, { decays, scores, states, y: outputs.y }),
  ]
}
