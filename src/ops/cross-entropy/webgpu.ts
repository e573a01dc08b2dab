import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Call } from '../operation.ts'
import type { CrossEntropyBackward, CrossEntropyBackwardInPlace } from './op.ts'
import type { CrossEntropyInputs, CrossEntropyOutputs, CrossEntropyParams } from './types.ts'

const WORKGROUP = 256

/**
 * logSumExp [T] and losses [T] of the rows of logits [T, V]; both 0 where the label does not count, and
 * NaN where it is no column. A workgroup a row, which is read once: each thread keeps a maximum m and s = Σ
 * exp(x - m), rescaled when m grows. NaN and +infinity are looked for in the bits: what a GPU makes of
 * exp(NaN) may be any number.
 */
const crossEntropyRows = defineKernel({
  name: 'crossEntropyRows',
  bindings: { logits: 'f32 view', labels: 'i32', logSumExp: 'f32 rw', losses: 'f32 rw' },
  uniforms: { T: 'u32', V: 'u32', ignoreIndex: 'i32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    const LOWEST = -3.4028234e38;
    const INFINITY = 0x7f800000u;
    const NAN = 0x7fc00000u;
    var<workgroup> maxima: array<f32, WORKGROUP>;
    var<workgroup> sums: array<f32, WORKGROUP>;
    var<workgroup> wilds: array<u32, WORKGROUP>;

    /** The bits of NaN and +infinity; 0 of all others. */
    fn wildOf(x: f32) -> u32 {
      let bits = bitcast<u32>(x);
      return select(0u, bits, bits == INFINITY || (bits & 0x7fffffffu) > INFINITY);
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let t = flatGroup(group);
      if (t >= u.T) { return; }
      let label = labels[t];
      if (label == u.ignoreIndex) {
        if (local == 0) { logSumExp[t] = 0.0; losses[t] = 0.0; }
        return;
      }
      let row = u.logitsOffset + t * u.logitsStride;
      var m = LOWEST;
      var s = 0.0;
      var wild = 0u;
      var v = local;
      for (; v + 3 * WORKGROUP < u.V; v += 4 * WORKGROUP) {
        let at = row + v;
        let x = vec4f(logits[at], logits[at + WORKGROUP], logits[at + 2 * WORKGROUP], logits[at + 3 * WORKGROUP]);
        let largest = max(max(x.x, x.y), max(x.z, x.w));
        if (largest > m) { s *= exp(m - largest); m = largest; }
        s += dot(exp(x - m), vec4f(1.0));
        wild |= wildOf(x.x) | wildOf(x.y) | wildOf(x.z) | wildOf(x.w);
      }
      for (; v < u.V; v += WORKGROUP) {
        let x = logits[row + v];
        if (x > m) { s *= exp(m - x); m = x; }
        s += exp(x - m);
        wild |= wildOf(x);
      }
      maxima[local] = m;
      sums[local] = s;
      wilds[local] = wild;
      for (var half = WORKGROUP / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if (local < half) {
          let other = maxima[local + half];
          let largest = max(m, other);
          s = s * exp(m - largest) + sums[local + half] * exp(other - largest);
          m = largest;
          maxima[local] = m;
          sums[local] = s;
          wild |= wilds[local + half];
          wilds[local] = wild;
        }
      }
      if (local == 0) {
        var lse = m + log(s);
        // Also if all are -infinity.
        if (wild != 0u || s <= 0.0 || label < 0 || label >= i32(u.V)) { lse = bitcast<f32>(wild | NAN); }
        logSumExp[t] = lse;
        losses[t] = lse - logits[row + u32(clamp(label, 0, i32(u.V) - 1))];
      }
    }`,
})

/** loss [1] = Σ losses / count; count [1] of the labels [T] that count. One workgroup. */
const crossEntropyMean = defineKernel({
  name: 'crossEntropyMean',
  bindings: { losses: 'f32', labels: 'i32', loss: 'f32 rw', count: 'f32 rw' },
  uniforms: { T: 'u32', ignoreIndex: 'i32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    var<workgroup> sums: array<vec2f, WORKGROUP>;

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(local_invocation_index) local: u32) {
      // sum of losses, count
      var sum = vec2f(0.0);
      for (var t = local; t < u.T; t += WORKGROUP) {
        if (labels[t] != u.ignoreIndex) { sum += vec2f(losses[t], 1.0); }
      }
      sums[local] = sum;
      for (var half = WORKGROUP / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if (local < half) { sums[local] += sums[local + half]; }
      }
      if (local == 0) {
        loss[0] = sums[0].x / max(sums[0].y, 1.0);
        count[0] = sums[0].y;
      }
    }`,
})

/**
 * dLogits [T, V] = softmax(logits) (dLoss / count + dLogSumExp) - onehot(labels) dLoss / count; 0 in rows
 * that do not count. NaN where
 * logSumExp is. Without `logits`, dLogits holds them. One element a thread.
 */
const crossEntropyBackwardKernel = defineKernel({
  name: 'crossEntropyBackward',
  bindings: {
    logits: 'f32? view',
    labels: 'i32',
    logSumExp: 'f32',
    count: 'f32',
    dLoss: 'f32?',
    dLogSumExp: 'f32?',
    dLogits: 'f32 rw',
  },
  uniforms: { size: 'u32', V: 'u32', ignoreIndex: 'i32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let t = i / u.V;
      let v = i % u.V;
      let label = labels[t];
      if (label == u.ignoreIndex) { dLogits[i] = 0.0; return; }
      var share = 0.0;
      if (HAS_D_LOSS) { share = dLoss[0] / max(count[0], 1.0); }
      var scale = share;
      if (HAS_D_LOG_SUM_EXP) { scale += dLogSumExp[t]; }
      var x = 0.0;
      if (HAS_LOGITS) { x = logits[u.logitsOffset + t * u.logitsStride + v]; } else { x = dLogits[i]; }
      let labelled = i32(v) == label;
      let lse = logSumExp[t];
      if ((bitcast<u32>(lse) & 0x7fffffffu) > 0x7f800000u) { dLogits[i] = lse; return; }
      dLogits[i] = exp(x - lse) * scale - select(0.0, share, labelled);
    }`,
})

export function crossEntropy({
  inputs: { logits, labels },
  outputs: { loss, count, logSumExp },
  params: { ignoreIndex },
  scratch,
}: Call<CrossEntropyInputs, CrossEntropyOutputs, CrossEntropyParams>): WebGpuLaunch[] {
  const T = labels.size
  const losses = scratch([Math.max(T, 1)])
  return [
    launch(crossEntropyRows, {
      bindings: { logits, labels, logSumExp, losses },
      uniforms: { T, V: logits.width, ignoreIndex },
      constants: { WORKGROUP },
      grid: gridOf(T, 1),
    }),
    launch(crossEntropyMean, {
      bindings: { losses, labels, loss, count },
      uniforms: { T, ignoreIndex },
      constants: { WORKGROUP },
      grid: [1],
    }),
  ]
}

export function crossEntropyBackward({
  inputs,
  outputs: { dLogits },
  params,
}: CrossEntropyBackward): WebGpuLaunch[] {
  return backward(inputs, inputs.logits, dLogits, params)
}

export function crossEntropyBackwardInPlace({ inputs, params }: CrossEntropyBackwardInPlace): WebGpuLaunch[] {
  return backward(inputs, undefined, inputs.logits, params)
}

function backward(
  { labels, logSumExp, count, dLoss, dLogSumExp }: CrossEntropyBackward['inputs'],
  logits: Tensor | undefined,
  dLogits: Tensor,
  { ignoreIndex }: CrossEntropyBackward['params'],
): WebGpuLaunch[] {
  return [
    launch(crossEntropyBackwardKernel, {
      bindings: { logits, labels, logSumExp, count, dLoss, dLogSumExp, dLogits },
      uniforms: { size: dLogits.size, V: dLogits.width, ignoreIndex },
      constants: { WORKGROUP },
      grid: gridOf(dLogits.size, WORKGROUP),
    }),
  ]
}
