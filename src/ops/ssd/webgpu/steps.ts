/** The gradients of delta, and of what a head has one number of. */
import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { activationPart } from '../../parts/activation.ts'
import { totalPart } from '../../parts/workgroup-sum.ts'
import { SIZES } from './parts.ts'

/**
 * dDelta, and the sums over a chunk of dA and dDeltaBias, blocks [B, chunks, 2, H]. A workgroup for each (b,
 * chunk, h). parts are planes [B, H, L]: terms of C · dC, then, from firstDirect on, of x · dx̄ = ds: with
 * da[t] = da[t + 1] + Σ C · dC - s ds, da after the chunk's end <dh, h>, and 0 at a reset: dDelta = (ds + A
 * da) ds/d(delta).
 */
export const ssdStepGradient = defineKernel({
  name: 'ssdStepGradient',
  bindings: {
    delta: 'f32 view',
    deltaBias: 'f32?',
    A: 'f32',
    decays: 'f32',
    states: 'f32',
    dstates: 'f32',
    parts: 'f32',
    dDelta: 'f32 rw',
    blocks: 'f32 rw',
  },
  uniforms: { ...SIZES, deltaMin: 'f32', deltaMax: 'f32', firstDirect: 'u32', planes: 'u32' },
  constants: { DT_SOFTPLUS: 'bool' },
  parts: [activationPart, totalPart],
  body: /* wgsl */ `
    const WORKGROUP = 64u;
    var<workgroup> change: array<f32, 64>;
    var<workgroup> factors: array<f32, 64>;
    var<workgroup> exponent: array<f32, 64>;

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let item = flatGroup(group);
      if (item >= u.batch * u.chunks * u.heads) { return; }
      let h = item % u.heads;
      let c = (item / u.heads) % u.chunks;
      let b = item / u.heads / u.chunks;
      let size = min(u.chunk, u.length - c * u.chunk);
      let matrix = u.headDim * u.stateSize;
      let after = ((b * (u.chunks + 1u) + c + 1u) * u.heads + h) * matrix;
      let dafter = ((b * u.chunks + c) * u.heads + h) * matrix;
      var part = 0.0;
      for (var i = local; i < matrix; i += 64u) { part += states[after + i] * dstates[dafter + i]; }
      let end = total(part, local);

      let plane = u.batch * u.heads * u.length;
      let at = (b * u.heads + h) * u.length + c * u.chunk + local;
      var s = 0.0;
      var direct = 0.0;
      if (local < size) {
        s = decays[at];
        var sum = 0.0;
        for (var i = 0u; i < u.firstDirect; i++) { sum += parts[i * plane + at]; }
        for (var i = u.firstDirect; i < u.planes; i++) { direct += parts[i * plane + at]; }
        change[local] = sum - s * direct;
        factors[local] = decays[plane + at];
      }
      workgroupBarrier();
      if (local == 0u) {
        var sum = end;
        for (var i = size; i > 0u; i--) {
          sum = select(sum + change[i - 1u], 0.0, factors[i - 1u] == 0.0);
          exponent[i - 1u] = sum;
        }
      }
      workgroupBarrier();
      var dA = 0.0;
      var gradient = 0.0;
      if (local < size) {
        let row = b * u.length + c * u.chunk + local;
        var free = delta[u.deltaOffset + row * u.deltaStride + h];
        if (HAS_DELTA_BIAS) { free += deltaBias[h]; }
        var slope = 1.0;
        if (DT_SOFTPLUS) {
          slope = sigmoid(free);
          free = softplus(free);
        }
        if (free < u.deltaMin || free > u.deltaMax) { slope = 0.0; }
        gradient = (direct + exponent[local] * A[h]) * slope;
        dA = exponent[local] * s;
        dDelta[row * u.heads + h] = gradient;
      }
      dA = total(dA, local);
      let bias = total(gradient, local);
      if (local == 0u) {
        let block = b * u.chunks + c;
        blocks[(2u * block) * u.heads + h] = dA;
        blocks[(2u * block + 1u) * u.heads + h] = bias;
      }
    }`,
})

/** dA and dDeltaBias from their sums over chunks, blocks [blocks, 2, H]. */
export const ssdHeadGradients = defineKernel({
  name: 'ssdHeadGradients',
  bindings: { blocks: 'f32', dA: 'f32 rw', dDeltaBias: 'f32? rw' },
  uniforms: { count: 'u32', heads: 'u32' },
  constants: {},
  body: /* wgsl */ `
    @compute @workgroup_size(64)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let h = flatGroup(group) * 64u + local;
      if (h >= u.heads) { return; }
      var a = 0.0;
      var bias = 0.0;
      for (var block = 0u; block < u.count; block++) {
        a += blocks[2u * block * u.heads + h];
        bias += blocks[(2u * block + 1u) * u.heads + h];
      }
      dA[h] = a;
      if (HAS_D_DELTA_BIAS) { dDeltaBias[h] = bias; }
    }`,
})
