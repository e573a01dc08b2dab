/**
 * What the backward pass needs before `ssdBackward`: the gate undone, and states and their gradients at chunk
 * edges.
 */
import { silu1, silu4, siluGrad1, siluGrad4 } from '../../../devices/wasm/kernels/math.as.ts'
import { ssdOuter } from './outer.as.ts'

/**
 * dv = dy silu(z), dz = dy v silu'(z), v the output before its gate. v [rows, width] is overwritten by dv.
 * Items: rows.
 */
export function ssdGateBackward(
  v: usize,
  z: usize,
  dy: usize,
  dz: usize,
  width: i32,
  zStride: i32,
  begin: i32,
  end: i32,
): void {
  const lanes = (<usize>(width & ~3)) << 2
  for (let row = begin; row < end; row++) {
    const at = (<usize>(row * width)) << 2
    const zRow = z + ((<usize>(row * zStride)) << 2)
    for (let i: usize = 0; i < lanes; i += 16) {
      const gate = v128.load(zRow + i)
      const g = v128.load(dy + at + i)
      v128.store(dz + at + i, f32x4.mul(f32x4.mul(g, v128.load(v + at + i)), siluGrad4(gate)))
      v128.store(v + at + i, f32x4.mul(g, silu4(gate)))
    }
    for (let i = lanes; i < (<usize>width) << 2; i += 4) {
      const gate = load<f32>(zRow + i)
      const g = load<f32>(dy + at + i)
      store<f32>(dz + at + i, g * load<f32>(v + at + i) * siluGrad1(gate))
      store<f32>(v + at + i, g * silu1(gate))
    }
  }
}

/**
 * states [B, chunks + 1, H, P, N]: before each chunk, and at the end. Items: (b, h, block of blockWidth of
 * P).
 */
export function ssdStates(
  x: usize,
  B: usize,
  initialState: usize,
  decays: usize,
  states: usize,
  batch: i32,
  length: i32,
  heads: i32,
  headDim: i32,
  groups: i32,
  stateSize: i32,
  chunk: i32,
  blockWidth: i32,
  xStride: i32,
  bStride: i32,
  begin: i32,
  end: i32,
): void {
  const chunks = (length + chunk - 1) / chunk
  const blocks = (headDim + blockWidth - 1) / blockWidth
  const plane = (<usize>(batch * heads * length)) << 2
  const next = (<usize>(heads * headDim * stateSize)) << 2
  for (let item = begin; item < end; item++) {
    const p0 = (item % blocks) * blockWidth
    const width = min(blockWidth, headDim - p0)
    const h = (item / blocks) % heads
    const b = item / blocks / heads
    const g = h / (heads / groups)
    const within = (<usize>((h * headDim + p0) * stateSize)) << 2
    const bytes = (<usize>(width * stateSize)) << 2
    let at = states + b * (chunks + 1) * next + within
    if (initialState) memory.copy(at, initialState + b * next + within, bytes)
    else memory.fill(at, 0, bytes)
    for (let c = 0; c < chunks; c++) {
      const first = c * chunk
      const size = min(chunk, length - first)
      const row = b * length + first
      const s = decays + ((<usize>((b * heads + h) * length + first)) << 2)
      const xRows = x + ((<usize>(row * xStride + h * headDim + p0)) << 2)
      const bRows = B + ((<usize>(row * bStride + g * stateSize)) << 2)
      const through = load<f32>(s + 2 * plane + ((<usize>(size - 1)) << 2))
      ssdOuter(at + next, at, through, s + 4 * plane, xRows, xStride, bRows, bStride, width, stateSize, size)
      at += next
    }
  }
}

/**
 * dstates [B, chunks, H, P, N]: gradients of the states after each chunk, from what comes later. Items: (b,
 * h, block of blockWidth of P).
 */
export function ssdStateGradients(
  dy: usize,
  C: usize,
  dFinalState: usize,
  decays: usize,
  dstates: usize,
  dInitialState: usize,
  batch: i32,
  length: i32,
  heads: i32,
  headDim: i32,
  groups: i32,
  stateSize: i32,
  chunk: i32,
  blockWidth: i32,
  cStride: i32,
  begin: i32,
  end: i32,
): void {
  const chunks = (length + chunk - 1) / chunk
  const blocks = (headDim + blockWidth - 1) / blockWidth
  const inner = heads * headDim
  const plane = (<usize>(batch * heads * length)) << 2
  const next = (<usize>(inner * stateSize)) << 2
  for (let item = begin; item < end; item++) {
    const p0 = (item % blocks) * blockWidth
    const width = min(blockWidth, headDim - p0)
    const h = (item / blocks) % heads
    const b = item / blocks / heads
    const g = h / (heads / groups)
    const within = (<usize>((h * headDim + p0) * stateSize)) << 2
    const bytes = (<usize>(width * stateSize)) << 2
    let at = dstates + ((b + 1) * chunks - 1) * next + within
    if (dFinalState) memory.copy(at, dFinalState + b * next + within, bytes)
    else memory.fill(at, 0, bytes)
    for (let c = chunks - 1; c >= 0; c--) {
      const to = c > 0 ? at - next : dInitialState + b * next + within
      if (c == 0 && dInitialState == 0) break
      const first = c * chunk
      const size = min(chunk, length - first)
      const row = b * length + first
      const decayIn = decays + ((<usize>((b * heads + h) * length + first)) << 2) + 2 * plane
      const dyRows = dy + ((<usize>(row * inner + h * headDim + p0)) << 2)
      const cRows = C + ((<usize>(row * cStride + g * stateSize)) << 2)
      const through = load<f32>(decayIn + ((<usize>(size - 1)) << 2))
      ssdOuter(to, at, through, decayIn, dyRows, inner, cRows, cStride, width, stateSize, size)
      at = to
    }
  }
}
