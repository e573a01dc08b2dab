import { fma, sum4 } from '../../../devices/wasm/kernels/math.as.ts'

/** h [B, L, S], finalState [B, S]: h[t] = A h[t-1] + v[t]. workspace [B, S]. Items: sequences. */
export function ltiDenseForward(
  v: usize,
  A: usize,
  initialState: usize,
  reset: usize,
  h: usize,
  finalState: usize,
  workspace: usize,
  length: i32,
  stateSize: i32,
  begin: i32,
  end: i32,
): void {
  const row = (<usize>stateSize) << 2
  for (let b = begin; b < end; b++) {
    const first = workspace + <usize>b * row
    if (initialState) memory.copy(first, initialState + <usize>b * row, row)
    else memory.fill(first, 0, row)
    let before = first
    for (let t = 0; t < length; t++) {
      const token = <usize>(b * length + t)
      const from = v + token * row
      const to = h + token * row
      if (reset != 0 && load<i32>(reset + (token << 2)) != 0) {
        memory.copy(to, from, row)
      } else {
        for (let i = 0; i < stateSize; i++) {
          const sum = dot(A + <usize>i * row, before, stateSize)
          store<f32>(to + ((<usize>i) << 2), load<f32>(from + ((<usize>i) << 2)) + sum)
        }
      }
      before = to
    }
    memory.copy(finalState + <usize>b * row, before, row)
  }
}

/**
 * dv [B, L, S]: dv[t] = dh[t] + Aᵀ dv[t+1], and the gradient of the initial state. workspace [B, S]. Items:
 * sequences.
 */
export function ltiDenseBackward(
  A: usize,
  reset: usize,
  dh: usize,
  dFinalState: usize,
  dv: usize,
  dInitialState: usize,
  workspace: usize,
  length: i32,
  stateSize: i32,
  begin: i32,
  end: i32,
): void {
  const row = (<usize>stateSize) << 2
  for (let b = begin; b < end; b++) {
    const carried = workspace + <usize>b * row
    if (dFinalState) memory.copy(carried, dFinalState + <usize>b * row, row)
    else memory.fill(carried, 0, row)
    for (let t = length - 1; t >= 0; t--) {
      const token = <usize>(b * length + t)
      const to = dv + token * row
      memory.copy(to, carried, row)
      if (dh) addScaled(to, dh + token * row, 1, stateSize)
      memory.fill(carried, 0, row)
      if (reset != 0 && load<i32>(reset + (token << 2)) != 0) continue
      for (let i = 0; i < stateSize; i++) {
        addScaled(carried, A + <usize>i * row, load<f32>(to + ((<usize>i) << 2)), stateSize)
      }
    }
    if (dInitialState) memory.copy(dInitialState + <usize>b * row, carried, row)
  }
}

/** dA [S, S] = Σ dv[t] h[t-1]ᵀ. Items: rows of dA. */
export function ltiDenseWeights(
  h: usize,
  initialState: usize,
  reset: usize,
  dv: usize,
  dA: usize,
  batch: i32,
  length: i32,
  stateSize: i32,
  begin: i32,
  end: i32,
): void {
  const row = (<usize>stateSize) << 2
  for (let i = begin; i < end; i++) {
    const to = dA + <usize>i * row
    memory.fill(to, 0, row)
    for (let b = 0; b < batch; b++) {
      for (let t = 0; t < length; t++) {
        const token = <usize>(b * length + t)
        if (reset != 0 && load<i32>(reset + (token << 2)) != 0) continue
        if (t == 0 && initialState == 0) continue
        const before = t > 0 ? h + (token - 1) * row : initialState + <usize>b * row
        addScaled(to, before, load<f32>(dv + token * row + ((<usize>i) << 2)), stateSize)
      }
    }
  }
}

function dot(a: usize, b: usize, n: i32): f32 {
  let sum = f32x4.splat(0)
  let i = 0
  for (; i + 4 <= n; i += 4) {
    sum = fma(v128.load(a), v128.load(b), sum)
    a += 16
    b += 16
  }
  let total = sum4(sum)
  for (; i < n; i++) {
    total += load<f32>(a) * load<f32>(b)
    a += 4
    b += 4
  }
  return total
}

/** y += factor x */
function addScaled(y: usize, x: usize, factor: f32, n: i32): void {
  const f = f32x4.splat(factor)
  let i = 0
  for (; i + 4 <= n; i += 4) {
    v128.store(y, fma(f, v128.load(x), v128.load(y)))
    y += 16
    x += 16
  }
  for (; i < n; i++) {
    store<f32>(y, load<f32>(y) + factor * load<f32>(x))
    y += 4
    x += 4
  }
}
