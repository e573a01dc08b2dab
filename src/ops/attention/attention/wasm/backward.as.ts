import { exp4 } from '../../../../devices/wasm/kernels/math.as.ts'
import { attentionDots, attentionGather, lanesBelow, queryOf } from './forward.as.ts'

/** delta [B, L, H] = dy · y - dLse. Items: queries of heads [B, L, H]. */
export function attentionDelta(
  y: usize,
  dy: usize,
  dLse: usize,
  delta: usize,
  headDim: i32,
  begin: i32,
  end: i32,
): void {
  for (let n = begin; n < end; n++) {
    const yRow = y + ((n * headDim) << 2)
    const dyRow = dy + ((n * headDim) << 2)
    let sum = f32x4.extract_lane(attentionDots(yRow, dyRow, dyRow, dyRow, dyRow, headDim), 0)
    if (dLse) sum -= load<f32>(dLse + (n << 2))
    store<f32>(delta + (n << 2), sum)
  }
}

/** dq: keys four at a time. Items: queries of heads [B, H, L]. */
export function attentionBackwardQ(
  q: usize,
  k: usize,
  v: usize,
  limits: usize,
  lse: usize,
  dy: usize,
  delta: usize,
  dq: usize,
  length: i32,
  keys: i32,
  heads: i32,
  kvHeads: i32,
  headDim: i32,
  qStride: i32,
  kStride: i32,
  vStride: i32,
  scale: f32,
  begin: i32,
  end: i32,
): void {
  const scales = f32x4.splat(scale)
  for (let item = begin; item < end; item++) {
    const i = queryOf(item, length)
    const h = (item / length) % heads
    const b = item / length / heads
    const hk = (h * kvHeads) / heads
    const first = load<i32>(limits + ((b * length + i) << 3))
    const last = load<i32>(limits + ((b * length + i) << 3), 4)
    const qRow = q + (((b * length + i) * qStride + h * headDim) << 2)
    const kRows = k + ((b * keys * kStride + hk * headDim) << 2)
    const vRows = v + ((b * keys * vStride + hk * headDim) << 2)
    const kStep: usize = kStride << 2
    const vStep: usize = vStride << 2
    const at = (b * length + i) * heads + h
    const dyRow = dy + ((at * headDim) << 2)
    const dqRow = dq + ((at * headDim) << 2)
    const lses = v128.load32_splat(lse + (at << 2))
    const deltas = v128.load32_splat(delta + (at << 2))
    memory.fill(dqRow, 0, headDim << 2)
    for (let j = first; j <= last; j += 4) {
      const k0 = kRows + j * kStep
      const v0 = vRows + j * vStep
      const j1 = min<i32>(1, last - j)
      const j2 = min<i32>(2, last - j)
      const j3 = min<i32>(3, last - j)
      const k1 = k0 + j1 * kStep
      const k2 = k0 + j2 * kStep
      const k3 = k0 + j3 * kStep
      const scores = f32x4.mul(attentionDots(qRow, k0, k1, k2, k3, headDim), scales)
      const dp = attentionDots(dyRow, v0, v0 + j1 * vStep, v0 + j2 * vStep, v0 + j3 * vStep, headDim)
      const p = v128.and(exp4(f32x4.sub(scores, lses)), lanesBelow(last - j + 1))
      const ds = f32x4.mul(f32x4.mul(p, scales), f32x4.sub(dp, deltas))
      attentionGather(dqRow, ds, k0, k1, k2, k3, headDim)
    }
  }
}

/**
 * dk, dv: queries four at a time, one head of the group after the other. Items: keys of key heads [B, Hkv,
 * S].
 */
export function attentionBackwardKV(
  q: usize,
  k: usize,
  v: usize,
  limits: usize,
  lse: usize,
  dy: usize,
  delta: usize,
  dk: usize,
  dv: usize,
  length: i32,
  keys: i32,
  heads: i32,
  kvHeads: i32,
  headDim: i32,
  qStride: i32,
  kStride: i32,
  vStride: i32,
  scale: f32,
  begin: i32,
  end: i32,
): void {
  const scales = f32x4.splat(scale)
  const qStep: usize = qStride << 2
  const dyStep: usize = (heads * headDim) << 2
  for (let item = begin; item < end; item++) {
    const j = queryOf(item, keys)
    const hk = (item / keys) % kvHeads
    const b = item / keys / kvHeads
    const kRow = k + (((b * keys + j) * kStride + hk * headDim) << 2)
    const vRow = v + (((b * keys + j) * vStride + hk * headDim) << 2)
    const at = (((b * keys + j) * kvHeads + hk) * headDim) << 2
    memory.fill(dk + at, 0, headDim << 2)
    memory.fill(dv + at, 0, headDim << 2)
    const rows = b * length
    for (let h = (hk * heads) / kvHeads; h < ((hk + 1) * heads) / kvHeads; h++) {
      for (let i = 0; i < length; i += 4) {
        const i1 = min<i32>(i + 1, length - 1)
        const i2 = min<i32>(i + 2, length - 1)
        const i3 = min<i32>(i + 3, length - 1)
        const s0 = limits + ((rows + i) << 3)
        const s1 = limits + ((rows + i1) << 3)
        const s2 = limits + ((rows + i2) << 3)
        const s3 = limits + ((rows + i3) << 3)
        // First and last keys only grow.
        if (load<i32>(s3, 4) < j) continue
        if (load<i32>(s0) > j) break
        const firsts = i32x4(load<i32>(s0), load<i32>(s1), load<i32>(s2), load<i32>(s3))
        const lasts = i32x4(load<i32>(s0, 4), load<i32>(s1, 4), load<i32>(s2, 4), load<i32>(s3, 4))
        const seen = v128.and(i32x4.le_s(firsts, i32x4.splat(j)), i32x4.ge_s(lasts, i32x4.splat(j)))
        const inside = v128.and(seen, lanesBelow(length - i))
        const q0 = q + (rows + i) * qStep + ((h * headDim) << 2)
        const q1 = q0 + (i1 - i) * qStep
        const q2 = q0 + (i2 - i) * qStep
        const q3 = q0 + (i3 - i) * qStep
        const d0 = dy + (rows + i) * dyStep + ((h * headDim) << 2)
        const d1 = d0 + (i1 - i) * dyStep
        const d2 = d0 + (i2 - i) * dyStep
        const d3 = d0 + (i3 - i) * dyStep
        const n0 = ((rows + i) * heads + h) << 2
        const n1 = ((rows + i1) * heads + h) << 2
        const n2 = ((rows + i2) * heads + h) << 2
        const n3 = ((rows + i3) * heads + h) << 2
        const lses = f32x4(load<f32>(lse + n0), load<f32>(lse + n1), load<f32>(lse + n2), load<f32>(lse + n3))
        const deltas = f32x4(
          load<f32>(delta + n0),
          load<f32>(delta + n1),
          load<f32>(delta + n2),
          load<f32>(delta + n3),
        )
        const scores = f32x4.mul(attentionDots(kRow, q0, q1, q2, q3, headDim), scales)
        const dp = attentionDots(vRow, d0, d1, d2, d3, headDim)
        const p = v128.and(exp4(f32x4.sub(scores, lses)), inside)
        const ds = v128.and(f32x4.mul(f32x4.mul(p, scales), f32x4.sub(dp, deltas)), inside)
        attentionGather(dv + at, p, d0, d1, d2, d3, headDim)
        attentionGather(dk + at, ds, q0, q1, q2, q3, headDim)
      }
    }
  }
}
