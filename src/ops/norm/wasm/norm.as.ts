import {
  expMinus4,
  fma,
  fma1,
  silu1,
  silu4,
  siluGrad1,
  siluGrad4,
  siluGradOf4,
  siluOf4,
  sum4,
} from '../../../devices/wasm/kernels/math.as.ts'

/**
 * Σ x over `size` elements; Σ (x - mu)² with `square`. Four sums side by side, so that none waits for the one
 * before.
 */
function total(x: usize, size: i32, mu: f32, square: bool): f32 {
  const lanes = (<usize>(size & ~15)) << 2
  const m = f32x4.splat(mu)
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let i: usize = 0; i < lanes; i += 64) {
    const v0 = f32x4.sub(v128.load(x + i), m)
    const v1 = f32x4.sub(v128.load(x + i, 16), m)
    const v2 = f32x4.sub(v128.load(x + i, 32), m)
    const v3 = f32x4.sub(v128.load(x + i, 48), m)
    s0 = square ? fma(v0, v0, s0) : f32x4.add(s0, v0)
    s1 = square ? fma(v1, v1, s1) : f32x4.add(s1, v1)
    s2 = square ? fma(v2, v2, s2) : f32x4.add(s2, v2)
    s3 = square ? fma(v3, v3, s3) : f32x4.add(s3, v3)
  }
  let sum = sum4(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)))
  for (let i = lanes; i < (<usize>size) << 2; i += 4) {
    const v = load<f32>(x + i) - mu
    sum += square ? v * v : v
  }
  return sum
}

/**
 * 1 / sqrt(x), and no number where x is infinite. Squares have overflowed there, and 0, the root that
 * arithmetic gives, would turn activations that are too large into zeros that nobody notices.
 */
function inverseRoot(x: f32): f32 {
  return x === <f32>Infinity ? <f32>NaN : 1 / sqrt<f32>(x)
}

/**
 * y = (v - mu) r weight + bias, v = x + residual, times silu(z) before or after; sum = x + residual. x,
 * residual, z, y, sum [rows, width] (rows of x and z are xStride and zStride words apart); weight, bias
 * [width]. Items: rows.
 */
export function normForward(
  x: usize,
  residual: usize,
  weight: usize,
  bias: usize,
  z: usize,
  y: usize,
  sum: usize,
  width: i32,
  groupSize: i32,
  xStride: i32,
  zStride: i32,
  eps: f32,
  center: i32,
  normBeforeGate: i32,
  begin: i32,
  end: i32,
): void {
  const lanes = groupSize & ~3
  const gateFirst = z != 0 && normBeforeGate == 0
  const gateLast = z != 0 && normBeforeGate != 0
  for (let row = begin; row < end; row++) {
    for (let start = 0; start < width; start += groupSize) {
      const at: usize = (row * width + start) << 2
      const xRow = x + ((row * xStride + start) << 2)
      const zRow = z + ((row * zStride + start) << 2)
      const yRow = y + at
      // y holds v until it is normalised.
      for (let i: usize = 0; i < (<usize>lanes) << 2; i += 16) {
        let v = v128.load(xRow + i)
        if (residual) {
          v = f32x4.add(v, v128.load(residual + at + i))
          v128.store(sum + at + i, v)
        }
        if (gateFirst) v = f32x4.mul(v, silu4(v128.load(zRow + i)))
        v128.store(yRow + i, v)
      }
      for (let i: usize = (<usize>lanes) << 2; i < (<usize>groupSize) << 2; i += 4) {
        let v = load<f32>(xRow + i)
        if (residual) {
          v += load<f32>(residual + at + i)
          store<f32>(sum + at + i, v)
        }
        if (gateFirst) v *= silu1(load<f32>(zRow + i))
        store<f32>(yRow + i, v)
      }
      const mu: f32 = center ? total(yRow, groupSize, 0, false) / <f32>groupSize : 0
      const r = inverseRoot(total(yRow, groupSize, mu, true) / <f32>groupSize + eps)
      const mu4 = f32x4.splat(mu)
      const r4 = f32x4.splat(r)
      for (let i: usize = 0; i < (<usize>lanes) << 2; i += 16) {
        let v = f32x4.mul(f32x4.sub(v128.load(yRow + i), mu4), r4)
        const channel = ((<usize>start) << 2) + i
        if (weight) v = f32x4.mul(v, v128.load(weight + channel))
        if (bias) v = f32x4.add(v, v128.load(bias + channel))
        if (gateLast) v = f32x4.mul(v, silu4(v128.load(zRow + i)))
        v128.store(yRow + i, v)
      }
      for (let i: usize = (<usize>lanes) << 2; i < (<usize>groupSize) << 2; i += 4) {
        let v = (load<f32>(yRow + i) - mu) * r
        const channel = ((<usize>start) << 2) + i
        if (weight) v *= load<f32>(weight + channel)
        if (bias) v += load<f32>(bias + channel)
        if (gateLast) v *= silu1(load<f32>(zRow + i))
        store<f32>(yRow + i, v)
      }
    }
  }
}

/**
 * With n = (v - mu) r, a = n weight + bias, dn = da weight: dv = r (dn - n mean(n dn) - mean(dn)). Shapes as
 * in `normForward`; dWeightBlocks, dBiasBlocks [blocks, width] are sums over the rows of a block. Items:
 * blocks of blockRows rows.
 */
export function normBackward(
  x: usize,
  weight: usize,
  bias: usize,
  z: usize,
  dy: usize,
  dSum: usize,
  dx: usize,
  dz: usize,
  dWeightBlocks: usize,
  dBiasBlocks: usize,
  rows: i32,
  blockRows: i32,
  width: i32,
  groupSize: i32,
  xStride: i32,
  zStride: i32,
  eps: f32,
  center: i32,
  normBeforeGate: i32,
  begin: i32,
  end: i32,
): void {
  const lanes = (<usize>(groupSize & ~3)) << 2
  const size = (<usize>groupSize) << 2
  const gateFirst = z != 0 && normBeforeGate == 0
  const gateLast = z != 0 && normBeforeGate != 0
  for (let block = begin; block < end; block++) {
    const dWeight = dWeightBlocks + ((block * width) << 2)
    const dBias = dBiasBlocks + ((block * width) << 2)
    if (dWeightBlocks) memory.fill(dWeight, 0, width << 2)
    if (dBiasBlocks) memory.fill(dBias, 0, width << 2)
    const last = min((block + 1) * blockRows, rows)
    for (let row = block * blockRows; row < last; row++) {
      for (let start = 0; start < width; start += groupSize) {
        const at: usize = (row * width + start) << 2
        const channel = (<usize>start) << 2
        const xRow = x + ((row * xStride + start) << 2)
        const zRow = z + ((row * zStride + start) << 2)
        const dyRow = dy + at
        const dxRow = dx + at
        // dx holds v, then n; dz the exponential of a gate before the norm.
        let v = xRow
        if (gateFirst) {
          for (let i: usize = 0; i < lanes; i += 16) {
            const gate = v128.load(zRow + i)
            const e = expMinus4(gate)
            v128.store(dz + at + i, e)
            v128.store(dxRow + i, f32x4.mul(v128.load(xRow + i), siluOf4(gate, e)))
          }
          for (let i = lanes; i < size; i += 4) {
            store<f32>(dxRow + i, load<f32>(xRow + i) * silu1(load<f32>(zRow + i)))
          }
          v = dxRow
        }
        const mu: f32 = center ? total(v, groupSize, 0, false) / <f32>groupSize : 0
        const r = inverseRoot(total(v, groupSize, mu, true) / <f32>groupSize + eps)

        let sumNdn = f32x4.splat(0)
        let sumDn = f32x4.splat(0)
        for (let i: usize = 0; i < lanes; i += 16) {
          const n = f32x4.mul(f32x4.sub(v128.load(v + i), f32x4.splat(mu)), f32x4.splat(r))
          v128.store(dxRow + i, n)
          let da = v128.load(dyRow + i)
          if (gateLast) da = f32x4.mul(da, silu4(v128.load(zRow + i)))
          if (dWeightBlocks) v128.store(dWeight + channel + i, fma(da, n, v128.load(dWeight + channel + i)))
          if (dBiasBlocks) v128.store(dBias + channel + i, f32x4.add(da, v128.load(dBias + channel + i)))
          if (weight) da = f32x4.mul(da, v128.load(weight + channel + i))
          sumNdn = fma(n, da, sumNdn)
          sumDn = f32x4.add(sumDn, da)
        }
        let meanNdn = sum4(sumNdn)
        let meanDn = sum4(sumDn)
        for (let i = lanes; i < size; i += 4) {
          const n = (load<f32>(v + i) - mu) * r
          store<f32>(dxRow + i, n)
          let da = load<f32>(dyRow + i)
          if (gateLast) da *= silu1(load<f32>(zRow + i))
          if (dWeightBlocks) {
            store<f32>(dWeight + channel + i, fma1(da, n, load<f32>(dWeight + channel + i)))
          }
          if (dBiasBlocks) store<f32>(dBias + channel + i, da + load<f32>(dBias + channel + i))
          if (weight) da *= load<f32>(weight + channel + i)
          meanNdn += n * da
          meanDn += da
        }
        meanNdn /= <f32>groupSize
        meanDn = center ? meanDn / <f32>groupSize : 0

        for (let i: usize = 0; i < lanes; i += 16) {
          const n = v128.load(dxRow + i)
          const w = weight ? v128.load(weight + channel + i) : f32x4.splat(1)
          const g = v128.load(dyRow + i)
          let dn = f32x4.mul(g, w)
          if (gateLast) {
            const gate = v128.load(zRow + i)
            dn = f32x4.mul(dn, silu4(gate))
            let a = f32x4.mul(n, w)
            if (bias) a = f32x4.add(a, v128.load(bias + channel + i))
            v128.store(dz + at + i, f32x4.mul(f32x4.mul(g, a), siluGrad4(gate)))
          }
          const centered = f32x4.sub(f32x4.sub(dn, f32x4.mul(n, f32x4.splat(meanNdn))), f32x4.splat(meanDn))
          let dv = f32x4.mul(centered, f32x4.splat(r))
          if (gateFirst) {
            const gate = v128.load(zRow + i)
            const e = v128.load(dz + at + i)
            v128.store(dz + at + i, f32x4.mul(f32x4.mul(dv, v128.load(xRow + i)), siluGradOf4(gate, e)))
            dv = f32x4.mul(dv, siluOf4(gate, e))
          }
          if (dSum) dv = f32x4.add(dv, v128.load(dSum + at + i))
          v128.store(dxRow + i, dv)
        }
        for (let i = lanes; i < size; i += 4) {
          const n = load<f32>(dxRow + i)
          const w: f32 = weight ? load<f32>(weight + channel + i) : 1
          const g = load<f32>(dyRow + i)
          let dn = g * w
          if (gateLast) {
            const gate = load<f32>(zRow + i)
            dn *= silu1(gate)
            let a = n * w
            if (bias) a += load<f32>(bias + channel + i)
            store<f32>(dz + at + i, g * a * siluGrad1(gate))
          }
          let dv = (dn - n * meanNdn - meanDn) * r
          if (gateFirst) {
            const gate = load<f32>(zRow + i)
            store<f32>(dz + at + i, dv * load<f32>(xRow + i) * siluGrad1(gate))
            dv *= silu1(gate)
          }
          if (dSum) dv += load<f32>(dSum + at + i)
          store<f32>(dxRow + i, dv)
        }
      }
    }
  }
}

/** y [width] = Σ over blocks of x [blocks, width], in their order. Items: runs of 16 columns. */
export function normSumBlocks(x: usize, y: usize, blocks: i32, width: i32, begin: i32, end: i32): void {
  const last = min(end << 4, width)
  let column = begin << 4
  for (; column + 4 <= last; column += 4) {
    let sums = f32x4.splat(0)
    for (let block = 0; block < blocks; block++) {
      sums = f32x4.add(sums, v128.load(x + ((block * width + column) << 2)))
    }
    v128.store(y + (column << 2), sums)
  }
  for (; column < last; column++) {
    let sum: f32 = 0
    for (let block = 0; block < blocks; block++) sum += load<f32>(x + ((block * width + column) << 2))
    store<f32>(y + (column << 2), sum)
  }
}
