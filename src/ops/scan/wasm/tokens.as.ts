/**
 * What the scan does for each token of a chunk that does not wait for the token before: apart from the
 * states, it overlaps.
 */
import {
  expMinus4,
  sigmoid4,
  silu4,
  siluGradOf4,
  siluOf4,
  softplus4,
} from '../../../devices/wasm/kernels/math.as'
import { scanLoad, scanStore } from './lanes.as'

/** Bytes of a vector. */
const V: usize = 16

/** steps [count] vectors: dt of four channels at tokens whose rows are `inner` words apart. */
export function scanSteps(
  delta: usize,
  steps: usize,
  count: i32,
  inner: i32,
  lanes: i32,
  bias: v128,
  softplus: i32,
): void {
  const row = (<usize>inner) << 2
  for (let t = 0; t < count; t++, delta += row, steps += V) {
    const dt = f32x4.add(scanLoad(delta, lanes), bias)
    v128.store(steps, softplus ? softplus4(dt) : dt)
  }
}

/** y = y silu(z) of four channels. */
export function scanGates(z: usize, zStride: i32, y: usize, count: i32, inner: i32, lanes: i32): void {
  for (let t = 0; t < count; t++, z += (<usize>zStride) << 2, y += (<usize>inner) << 2) {
    scanStore(y, lanes, f32x4.mul(scanLoad(y, lanes), silu4(scanLoad(z, lanes))))
  }
}

/**
 * slopes [count] vectors = dy silu(z), dz = dy silu'(z), both for four channels; without z, dy itself. dy of
 * 0 is zero.
 */
export function scanSlopes(
  dy: usize,
  z: usize,
  zStride: i32,
  dz: usize,
  slopes: usize,
  count: i32,
  inner: i32,
  lanes: i32,
): void {
  const row = (<usize>inner) << 2
  for (let t = 0; t < count; t++, slopes += V) {
    const at = <usize>t * row
    const slope = dy != 0 ? scanLoad(dy + at, lanes) : f32x4.splat(0)
    if (z == 0) {
      v128.store(slopes, slope)
      continue
    }
    const gate = scanLoad(z + ((<usize>t * <usize>zStride) << 2), lanes)
    const e = expMinus4(gate)
    scanStore(dz + at, lanes, f32x4.mul(slope, siluGradOf4(gate, e)))
    v128.store(slopes, f32x4.mul(slope, siluOf4(gate, e)))
  }
}

/** dDelta from the gradient of dt that stands there, and its sum. */
export function scanStepGradients(
  delta: usize,
  dDelta: usize,
  count: i32,
  inner: i32,
  lanes: i32,
  bias: v128,
  softplus: i32,
): v128 {
  const row = (<usize>inner) << 2
  let sum = f32x4.splat(0)
  for (let t = 0; t < count; t++, delta += row, dDelta += row) {
    let d = scanLoad(dDelta, lanes)
    if (softplus) {
      d = f32x4.mul(d, sigmoid4(f32x4.add(scanLoad(delta, lanes), bias)))
      scanStore(dDelta, lanes, d)
    }
    sum = f32x4.add(sum, d)
  }
  return sum
}
