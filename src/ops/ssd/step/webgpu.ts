import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { dims } from '../../../tensor/shape.ts'
import { activationPart } from '../../parts/activation.ts'
import { copyRows } from '../../copy/webgpu.ts'
import type { Call } from '../../operation.ts'
import type { DecayParams } from '../../scan/step/types.ts'
import { deltaRange } from '../shapes.ts'
import type { SsdStateUpdateInputs, SsdStateUpdateOutputs, SsdStateUpdateParams } from './types.ts'

/** Threads of a workgroup, and how many of them share a row of the state. */
const WORKGROUP = 128
const lanesFor = (stateSize: number): number => (stateSize > 64 ? 32 : 16)
/** Rows of a head that a thread takes, where there are many: they share what is read of B and C. */
const DEEP = 4
const MANY_ROWS = 8192

/**
 * One token of `ssd`, on the state in place. LANES threads take DEEP rows [N] of the state, all of one head.
 */
const ssdStateUpdateKernel = defineKernel({
  name: 'ssdStateUpdate',
  bindings: {
    state: 'f32 rw',
    x: 'f32 view',
    delta: 'f32 view',
    A: 'f32',
    B: 'f32 view',
    C: 'f32 view',
    D: 'f32?',
    z: 'f32? view',
    deltaBias: 'f32?',
    y: 'f32 rw',
  },
  uniforms: {
    rows: 'u32',
    heads: 'u32',
    headDim: 'u32',
    groups: 'u32',
    stateSize: 'u32',
    deltaMin: 'f32',
    deltaMax: 'f32',
  },
  constants: {
    LANES: 'u32',
    ROWS: 'u32',
    DEEP: 'u32',
    CHANNEL_D: 'bool',
    DT_SOFTPLUS: 'bool',
    LOG_DECAY: 'bool',
  },
  parts: [activationPart],
  body: /* wgsl */ `
    /** States of a row that a thread reads before it writes one. */
    const TOGETHER = 4u;
    // One word more than are used: rows then begin in other banks.
    const STRIDE = LANES + 1u;
    var<workgroup> parts: array<f32, ROWS * DEEP * STRIDE>;

    @compute @workgroup_size(LANES, ROWS)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
      let row = (flatGroup(group) * ROWS + local.y) * DEEP;
      let inner = u.heads * u.headDim;
      let b = row / inner;
      let channel = row % inner;
      let h = channel / u.headDim;
      let column = (h / (u.heads / u.groups)) * u.stateSize;
      if (row < u.rows) {
        var s = delta[u.deltaOffset + b * u.deltaStride + h];
        if (HAS_DELTA_BIAS) { s += deltaBias[h]; }
        if (DT_SOFTPLUS) { s = softplus(s); }
        s = clamp(s, u.deltaMin, u.deltaMax);
        var rate = A[h];
        if (LOG_DECAY) { rate = -expOf(rate); }
        let decay = expOf(s * rate);
        let startB = u.BOffset + b * u.BStride + column;
        let startC = u.COffset + b * u.CStride + column;
        var inputs: array<f32, DEEP>;
        var part: array<f32, DEEP>;
        for (var d = 0u; d < DEEP; d++) { inputs[d] = s * x[u.xOffset + b * u.xStride + channel + d]; }
        for (var first = local.x; first < u.stateSize; first += TOGETHER * LANES) {
          var next: array<f32, DEEP * TOGETHER>;
          for (var i = 0u; i < TOGETHER; i++) {
            let n = min(first + i * LANES, u.stateSize - 1u);
            let B_n = B[startB + n];
            let C_n = select(0.0, C[startC + n], first + i * LANES < u.stateSize);
            for (var d = 0u; d < DEEP; d++) {
              let h_n = decay * state[(row + d) * u.stateSize + n] + inputs[d] * B_n;
              part[d] += h_n * C_n;
              next[d * TOGETHER + i] = h_n;
            }
          }
          for (var i = 0u; i < TOGETHER; i++) {
            let n = first + i * LANES;
            if (n < u.stateSize) {
              for (var d = 0u; d < DEEP; d++) { state[(row + d) * u.stateSize + n] = next[d * TOGETHER + i]; }
            }
          }
        }
        for (var d = 0u; d < DEEP; d++) { parts[(local.y * DEEP + d) * STRIDE + local.x] = part[d]; }
      }
      workgroupBarrier();
      if (row >= u.rows || local.x >= DEEP) { return; }
      var sum = 0.0;
      for (var i = 0u; i < LANES; i++) { sum += parts[(local.y * DEEP + local.x) * STRIDE + i]; }
      let own = channel + local.x;
      if (HAS_D) { sum += D[select(h, own, CHANNEL_D)] * x[u.xOffset + b * u.xStride + own]; }
      if (HAS_Z) {
        let gate = z[u.zOffset + b * u.zStride + own];
        sum *= gate * sigmoid(gate);
      }
      y[row + local.x] = sum;
    }`,
})

/** In place where there is no next state; else on a copy. */
export function ssdStateUpdate(
  call: Call<SsdStateUpdateInputs, SsdStateUpdateOutputs, SsdStateUpdateParams & DecayParams>,
): WebGpuLaunch[] {
  const { state, x, delta, A, B, C, D, z, deltaBias } = call.inputs
  const { y, nextState } = call.outputs
  const { groups, deltaSoftplus, logDecay = false } = call.params
  const [, heads, headDim, stateSize] = dims(state, 4)
  const LANES = lanesFor(stateSize)
  const ROWS = WORKGROUP / LANES
  const deep = y.size >= MANY_ROWS && headDim % DEEP === 0 ? DEEP : 1
  const copied = nextState ? [copyRows(state, nextState)] : []
  return [
    ...copied,
    launch(ssdStateUpdateKernel, {
      bindings: { state: nextState ?? state, x, delta, A, B, C, D, z, deltaBias, y },
      uniforms: { rows: y.size, heads, headDim, groups, stateSize, ...deltaRange(call.params) },
      constants: {
        LANES,
        ROWS,
        DEEP: deep,
        CHANNEL_D: D !== undefined && D.size !== A.size,
        DT_SOFTPLUS: deltaSoftplus,
        LOG_DECAY: logDecay,
      },
      grid: gridOf(y.size, ROWS * deep),
    }),
  ]
}
