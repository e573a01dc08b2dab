import { gelu4, geluGrad4, geluTanh4, geluTanhGrad4 } from '../../../devices/wasm/kernels/erf.as.ts'
import {
  exp4,
  log4,
  sigmoid4,
  silu4,
  siluGrad4,
  softplus4,
  tanh4,
} from '../../../devices/wasm/kernels/math.as.ts'
import {
  EXP,
  GELU,
  GELU_TANH,
  HEAVY_TAIL,
  IDENTITY,
  LOG,
  RELU,
  RELU2,
  SIGMOID,
  SILU,
  SOFTPLUS,
  SQUARE,
  TANH,
} from './kinds.as.ts'

/** f(x) of the activation numbered `kind` (its place in ACTIVATIONS). For epilogues of other kernels too. */
export function activate4(x: v128, kind: i32): v128 {
  const zero = f32x4.splat(0)
  const one = f32x4.splat(1)
  switch (kind) {
    case IDENTITY:
      return x
    case SILU:
      return silu4(x)
    case SIGMOID:
      return sigmoid4(x)
    case SOFTPLUS:
      return softplus4(x)
    case GELU:
      return gelu4(x)
    case GELU_TANH:
      return geluTanh4(x)
    case RELU:
      return f32x4.pmax(x, zero)
    case RELU2:
      return f32x4.mul(f32x4.pmax(x, zero), f32x4.pmax(x, zero))
    case TANH:
      return tanh4(x)
    case EXP:
      return exp4(x)
    case LOG:
      return log4(x)
    case SQUARE:
      return f32x4.mul(x, x)
    case HEAVY_TAIL: {
      const falling = f32x4.div(one, f32x4.sub(one, x))
      return v128.bitselect(f32x4.add(one, x), falling, f32x4.ge(x, zero))
    }
    default:
      unreachable()
  }
  return x
}

/** f'(x) */
export function activateGrad4(x: v128, kind: i32): v128 {
  const zero = f32x4.splat(0)
  const one = f32x4.splat(1)
  switch (kind) {
    case IDENTITY:
      return one
    case SILU:
      return siluGrad4(x)
    case SIGMOID: {
      const s = sigmoid4(x)
      return f32x4.mul(s, f32x4.sub(one, s))
    }
    case SOFTPLUS:
      return v128.bitselect(one, sigmoid4(x), f32x4.gt(x, f32x4.splat(20)))
    case GELU:
      return geluGrad4(x)
    case GELU_TANH:
      return geluTanhGrad4(x)
    case RELU:
      return v128.and(one, f32x4.gt(x, zero))
    case RELU2:
      return f32x4.mul(f32x4.splat(2), f32x4.pmax(x, zero))
    case TANH: {
      const t = tanh4(x)
      return f32x4.sub(one, f32x4.mul(t, t))
    }
    case EXP:
      return exp4(x)
    case LOG:
      return f32x4.div(one, x)
    case SQUARE:
      return f32x4.add(x, x)
    case HEAVY_TAIL: {
      const falling = f32x4.div(one, f32x4.sub(one, x))
      return v128.bitselect(one, f32x4.mul(falling, falling), f32x4.ge(x, zero))
    }
    default:
      unreachable()
  }
  return x
}

/** f(x) of one number: lane 0 of `activate4`. */
export function activate1(x: f32, kind: i32): f32 {
  return f32x4.extract_lane(activate4(f32x4.splat(x), kind), 0)
}

/** f'(x) of one number. */
export function activateGrad1(x: f32, kind: i32): f32 {
  return f32x4.extract_lane(activateGrad4(f32x4.splat(x), kind), 0)
}

/** y [size] = f(x). Items: elements. */
export function activation(x: usize, y: usize, kind: i32, begin: i32, end: i32): void {
  let i = begin
  for (; i + 4 <= end; i += 4)
    v128.store(y + ((<usize>i) << 2), activate4(v128.load(x + ((<usize>i) << 2)), kind))
  for (; i < end; i++) store<f32>(y + ((<usize>i) << 2), activate1(load<f32>(x + ((<usize>i) << 2)), kind))
}

/** dx [size] = dy f'(x). Items: elements. */
export function activationBackward(x: usize, dy: usize, dx: usize, kind: i32, begin: i32, end: i32): void {
  let i = begin
  for (; i + 4 <= end; i += 4) {
    const at = (<usize>i) << 2
    v128.store(dx + at, f32x4.mul(v128.load(dy + at), activateGrad4(v128.load(x + at), kind)))
  }
  for (; i < end; i++) {
    const at = (<usize>i) << 2
    store<f32>(dx + at, load<f32>(dy + at) * activateGrad1(load<f32>(x + at), kind))
  }
}
