import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { activationPart } from '../../parts/activation.ts'
import { totalPart } from '../../parts/workgroup-sum.ts'
import { sumBlocks } from '../../norm/webgpu/backward.ts'
import type { SsdBackward } from '../op.ts'
import { deltaRange, sizesOf } from '../shapes.ts'
import { decaysAndScores, gradientsAfter, statesBefore } from './chunks.ts'
import { output } from './forward.ts'
import { ssdGroupRows, ssdGroupScores } from './groups.ts'
import { ssdDots, ssdInputGradient } from './rows.ts'
import { ssdHeadGradients, ssdStepGradient } from './steps.ts'
import { SIZES } from './parts.ts'

const WORKGROUP = 256

/** dv = dy silu(z), dz = dy v silu'(z), v the output before its gate, overwritten by dv. */
const ssdGateBackward = defineKernel({
  name: 'ssdGateBackward',
  bindings: { v: 'f32 rw', z: 'f32 view', dy: 'f32', dz: 'f32 rw' },
  uniforms: { size: 'u32', width: 'u32' },
  constants: { WORKGROUP: 'u32' },
  parts: [activationPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let gate = z[u.zOffset + (i / u.width) * u.zStride + i % u.width];
      let s = sigmoid(gate);
      dz[i] = dy[i] * v[i] * s * (1.0 + gate * (1.0 - s));
      v[i] = dy[i] * gate * s;
    }`,
})

/** dDBlocks [B, chunks, ...D] = Σ over a chunk of dy x. A workgroup for each (b, chunk, h). */
const ssdSkipGradient = defineKernel({
  name: 'ssdSkipGradient',
  bindings: { x: 'f32 view', dy: 'f32', dDBlocks: 'f32 rw' },
  uniforms: SIZES,
  constants: { CHANNEL_D: 'bool' },
  parts: [totalPart],
  body: /* wgsl */ `
    const WORKGROUP = 64u;

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let item = flatGroup(group);
      if (item >= u.batch * u.chunks * u.heads) { return; }
      let h = item % u.heads;
      let block = item / u.heads;
      let first = (block % u.chunks) * u.chunk;
      let row = (block / u.chunks) * u.length + first;
      let size = min(u.chunk, u.length - first);
      let inner = u.heads * u.headDim;
      var part = 0.0;
      for (var p = local; p < u.headDim; p += 64u) {
        let i = h * u.headDim + p;
        var sum = 0.0;
        for (var t = 0u; t < size; t++) { sum += dy[(row + t) * inner + i] * x[u.xOffset + (row + t) * u.xStride + i]; }
        if (CHANNEL_D) { dDBlocks[block * inner + i] = sum; }
        part += sum;
      }
      if (CHANNEL_D) { return; }
      let sum = total(part, local);
      if (local == 0u) { dDBlocks[block * u.heads + h] = sum; }
    }`,
})

export function ssdBackward({ inputs, outputs, params, scratch, device }: SsdBackward): WebGpuLaunch[] {
  const { x, delta, A, B, C, D, z, deltaBias, initialState, dFinalState } = inputs
  const { dx, dDelta, dA, dB, dC, dD, dz, dDeltaBias, dInitialState } = outputs
  const sizes = sizesOf(inputs, params, device)
  const { batch, length, heads, headDim, groups, stateSize, chunk, chunks } = sizes
  const pBlocks = Math.ceil(headDim / 64)
  const nBlocks = Math.ceil(stateSize / 64)
  const blockCount = batch * chunks

  const decays = scratch([2, batch, heads, length])
  const scores = scratch([batch, chunks, groups, chunk, chunk])
  const through = scratch([batch, chunks, heads])
  const states = scratch([batch, chunks + 1, heads, headDim, stateSize])
  const dstates = scratch([batch, chunks, heads, headDim, stateSize])
  const dscores = scratch([batch, chunks, heads, chunk, chunk])
  const dgroups = scratch([batch, chunks, groups, chunk, chunk])
  const parts = scratch([1 + nBlocks + pBlocks, batch, heads, length])
  const blocks = scratch([blockCount, 2, heads])
  const launches = [
    ...decaysAndScores(inputs, params, sizes, { decays, scores }),
    ...statesBefore(x, B, sizes, { decays, states, through, first: initialState }),
  ]

  let { dy } = inputs
  if (z) {
    const v = scratch(x.shape)
    launches.push(
      output({ ...inputs, z: undefined }, sizes, { decays, scores, states, y: v }),
      launch(ssdGateBackward, {
        bindings: { v, z, dy, dz: dz! },
        uniforms: { size: x.size, width: x.width },
        constants: { WORKGROUP },
        grid: gridOf(x.size, WORKGROUP),
      }),
    )
    dy = v
  }

  const channelD = { CHANNEL_D: D !== undefined && D.size !== A.size }
  const perHead = gridOf(blockCount * heads, 1)
  const perGroup = gridOf(blockCount * groups * nBlocks, 1)
  launches.push(
    ...gradientsAfter(dy, C, sizes, {
      decays,
      states: dstates,
      through,
      first: dFinalState,
      last: dInitialState,
    }),
    launch(ssdDots, {
      bindings: { x, dy, decays, scores, dscores, parts },
      uniforms: sizes,
      constants: {},
      grid: perHead,
    }),
    launch(ssdInputGradient, {
      bindings: { x, B, D, decays, scores, dstates, dy, dx, parts },
      uniforms: { ...sizes, firstPart: 1 + nBlocks },
      constants: channelD,
      grid: gridOf(blockCount * heads * pBlocks, 1),
    }),
    launch(ssdGroupScores, {
      bindings: { dscores, dgroups },
      uniforms: { size: dgroups.size, heads: heads / groups, area: chunk * chunk },
      constants: { WORKGROUP },
      grid: gridOf(dgroups.size, WORKGROUP),
    }),
    launch(ssdGroupRows, {
      bindings: { rows: dy, columns: B, other: C, decays, dgroups, states, out: dC, parts },
      uniforms: { ...sizes, slots: chunks + 1 },
      constants: { REVERSE: false },
      grid: perGroup,
    }),
    launch(ssdGroupRows, {
      bindings: {
        rows: x,
        columns: C,
        other: undefined,
        decays,
        dgroups,
        states: dstates,
        out: dB,
        parts: undefined,
      },
      uniforms: { ...sizes, slots: chunks },
      constants: { REVERSE: true },
      grid: perGroup,
    }),
    launch(ssdStepGradient, {
      bindings: { delta, deltaBias, A, decays, states, dstates, parts, dDelta, blocks },
      uniforms: { ...sizes, ...deltaRange(params), firstDirect: 1 + nBlocks, planes: 1 + nBlocks + pBlocks },
      constants: { DT_SOFTPLUS: params.deltaSoftplus },
      grid: perHead,
    }),
    launch(ssdHeadGradients, {
      bindings: { blocks, dA, dDeltaBias },
      uniforms: { count: blockCount, heads },
      constants: {},
      grid: gridOf(heads, 64),
    }),
  )
  if (dD) {
    const dDBlocks = scratch([blockCount, dD.size])
    launches.push(
      launch(ssdSkipGradient, {
        bindings: { x, dy, dDBlocks },
        uniforms: sizes,
        constants: channelD,
        grid: perHead,
      }),
      sumBlocks(dDBlocks, dD, blockCount),
    )
  }
  return launches
}
