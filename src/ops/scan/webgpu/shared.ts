/**
 * What both directions of the scan on WebGPU share: inputs packed, so that kernels need few bindings, and the
 * carry.
 */
import type { Operand } from '../../../devices/device.ts'
import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { part } from '../../../devices/webgpu/part.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { CHUNK, isConstant, scanSizes, type ScanSizes } from '../sizes.ts'
import type { SelectiveScanInputs } from '../types.ts'

/** Threads of kernels with a thread a channel. */
export const WORKGROUP = 64

/**
 * channels [N + 2 (+ N) (+ N), E]: A log2(e), D, deltaBias, and constant B and C; zeros for what is absent.
 * A thread an element.
 */
const selectiveScanChannels = defineKernel({
  name: 'selectiveScanChannels',
  bindings: { A: 'f32', D: 'f32?', deltaBias: 'f32?', B: 'f32?', C: 'f32?', channels: 'f32 rw' },
  uniforms: { size: 'u32', inner: 'u32', stateSize: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let e = i % u.inner;
      let row = i / u.inner;
      let N = u.stateSize;
      var value = 0.0;
      if (row < N) {
        value = A[e * N + row] * 1.4426950408889634;
      } else if (row == N) {
        if (HAS_D) { value = D[e]; }
      } else if (row == N + 1u) {
        if (HAS_DELTA_BIAS) { value = deltaBias[e]; }
      } else if (HAS_B && row < 2u * N + 2u) {
        value = B[e * N + row - N - 2u];
      } else {
        value = C[e * N + (row - 2u) % N];
      }
      channels[i] = value;
    }`,
})

/**
 * tokens [B L, G Q + G Q + 1] of vectors: B and C, if not constant, in Q fours of states with zeros beyond N;
 * then 0 at a reset, else 1. A thread a vector.
 */
const selectiveScanTokens = defineKernel({
  name: 'selectiveScanTokens',
  bindings: { B: 'f32? view', C: 'f32? view', reset: 'i32?', tokens: 'vec4f rw' },
  uniforms: { size: 'u32', width: 'u32', bWidth: 'u32', stateSize: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let row = i / u.width;
      let column = i % u.width;
      if (column + 1u == u.width) {
        var keep = 1.0;
        if (HAS_RESET) { keep = select(1.0, 0.0, reset[row] != 0); }
        tokens[i] = vec4f(keep, 0.0, 0.0, 0.0);
        return;
      }
      let ofB = HAS_B && column < u.bWidth;
      let four = select(column - u.bWidth, column, ofB);
      let fours = (u.stateSize + 3u) / 4u;
      var value = vec4f();
      for (var j = 0u; j < 4u; j++) {
        let n = four % fours * 4u + j;
        if (n >= u.stateSize) { break; }
        let at = four / fours * u.stateSize + n;
        if (ofB) { value[j] = B[u.BOffset + row * u.BStride + at]; } else { value[j] = C[u.COffset + row * u.CStride + at]; }
      }
      tokens[i] = value;
    }`,
})

/** The inputs that are read by channel or by token, in two tensors. */
export interface Packed {
  readonly channels: Tensor
  readonly tokens: Tensor
  readonly launches: readonly WebGpuLaunch[]
  readonly uniforms: ReturnType<typeof sizesFor>
  readonly constants: { readonly CHUNK: number; readonly CONSTANT_B: boolean; readonly CONSTANT_C: boolean }
}

export const SIZES = {
  length: 'u32',
  inner: 'u32',
  stateSize: 'u32',
  groups: 'u32',
  chunks: 'u32',
  /** Of tokens, in vectors. */
  width: 'u32',
} as const

export const SWITCHES = { CHUNK: 'u32', CONSTANT_B: 'bool', CONSTANT_C: 'bool' } as const

function sizesFor({ length, inner, stateSize, groups, chunks }: ScanSizes, width: number) {
  return { length, inner, stateSize, groups, chunks, width }
}

/**
 * Readers of the packed inputs: `p` is the row of a token, `n` a state, a multiple of four where four are
 * read, `e` a channel.
 */
export const readPart = part({
  name: 'packed inputs of the scan',
  needs: ['u.stateSize', 'channels', 'u.inner', 'tokens', 'u.width', 'CONSTANT_B', 'u.groups', 'CONSTANT_C'],
  gives: ['rates', 'skipOf', 'biasOf', 'keeps', 'inputStates', 'outputStates'],
  text: /* wgsl */ `
  fn channelAt(row: u32, n: u32, e: u32) -> f32 {
    if (n >= u.stateSize) { return 0.0; }
    return channels[(row + n) * u.inner + e];
  }
  fn channelStates(row: u32, n: u32, e: u32) -> vec4f {
    return vec4f(channelAt(row, n, e), channelAt(row, n + 1u, e), channelAt(row, n + 2u, e), channelAt(row, n + 3u, e));
  }
  fn rates(n: u32, e: u32) -> vec4f { return channelStates(0u, n, e); }
  fn skipOf(e: u32) -> f32 { return channels[u.stateSize * u.inner + e]; }
  fn biasOf(e: u32) -> f32 { return channels[(u.stateSize + 1u) * u.inner + e]; }
  fn keeps(p: u32) -> f32 { return tokens[(p + 1u) * u.width - 1u].x; }
  fn inputStates(p: u32, n: u32, e: u32) -> vec4f {
    if (n >= u.stateSize) { return vec4f(); }
    if (CONSTANT_B) { return channelStates(u.stateSize + 2u, n, e); }
    return tokens[p * u.width + e / (u.inner / u.groups) * ((u.stateSize + 3u) / 4u) + n / 4u];
  }
  fn outputStates(p: u32, n: u32, e: u32) -> vec4f {
    if (n >= u.stateSize) { return vec4f(); }
    if (CONSTANT_C) { return channelStates(u.stateSize + 2u + select(0u, u.stateSize, CONSTANT_B), n, e); }
    let fours = (u.stateSize + 3u) / 4u;
    let before = select(u.groups * fours, 0u, CONSTANT_B);
    return tokens[p * u.width + before + e / (u.inner / u.groups) * fours + n / 4u];
  }`,
})

/**
 * `decays(dt, rate)`: exp(dt A) of four states; `rate` is A log2(e), and no power is beyond the normal
 * floats.
 */
export const decaysPart = part({
  name: 'decays of four states',
  needs: [],
  gives: ['decays'],
  text: /* wgsl */ `
    fn decays(dt: f32, rate: vec4f) -> vec4f { return exp2(clamp(dt * rate, vec4f(-126.0), vec4f(126.0))); }`,
})

export function pack(inputs: SelectiveScanInputs, scratch: (shape: readonly number[]) => Tensor): Packed {
  const { A, B, C, D, deltaBias, reset } = inputs
  const sizes = scanSizes(inputs)
  const { batch, length, inner, stateSize, groups } = sizes
  const constant = { B: isConstant(B), C: isConstant(C) }
  const channels = scratch([
    stateSize + 2 + (constant.B ? stateSize : 0) + (constant.C ? stateSize : 0),
    inner,
  ])
  const fours = groups * Math.ceil(stateSize / 4)
  const bWidth = constant.B ? 0 : fours
  const width = bWidth + (constant.C ? 0 : fours) + 1
  const tokens = scratch([batch * length, 4 * width])
  const launches = [
    launch(selectiveScanChannels, {
      bindings: { A, D, deltaBias, B: constant.B ? B : undefined, C: constant.C ? C : undefined, channels },
      uniforms: { size: channels.size, inner, stateSize },
      constants: { WORKGROUP },
      grid: gridOf(channels.size, WORKGROUP),
    }),
    launch(selectiveScanTokens, {
      bindings: { B: constant.B ? undefined : B, C: constant.C ? undefined : C, reset, tokens },
      uniforms: { size: batch * length * width, width, bWidth, stateSize },
      constants: { WORKGROUP },
      grid: gridOf(batch * length * width, WORKGROUP),
    }),
  ]
  const constants = { CHUNK, CONSTANT_B: constant.B, CONSTANT_C: constant.C }
  return { channels, tokens, launches, uniforms: sizesFor(sizes, width), constants }
}

/**
 * The carry over chunks, in place: values [B, chunks, rows, E] (N of the rows) hold what a chunk adds from
 * nothing, and then what comes into it: next = exp(A sum of dt) coming + added. Forward from the first chunk,
 * backward from the last. A thread a channel and state.
 */
const selectiveScanCarry = defineKernel({
  name: 'selectiveScanCarry',
  bindings: { channels: 'f32', sums: 'f32', start: 'f32?', values: 'f32 rw', end: 'f32? rw' },
  uniforms: { size: 'u32', inner: 'u32', stateSize: 'u32', chunks: 'u32', rows: 'u32' },
  constants: { WORKGROUP: 'u32', FROM_LAST: 'bool' },
  body: /* wgsl */ `
    fn chunkAt(step: u32) -> u32 { return select(step, u.chunks - 1u - step, FROM_LAST); }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let e = i % u.inner;
      let n = i / u.inner % u.stateSize;
      let b = i / u.inner / u.stateSize;
      let rate = channels[n * u.inner + e];
      var coming = 0.0;
      if (HAS_START) { coming = start[(b * u.inner + e) * u.stateSize + n]; }
      // Eight chunks are read before the first of them is written: a read after a write would wait for it.
      for (var first = 0u; first < u.chunks; first += 8u) {
        var added: array<f32, 8>;
        var decay: array<f32, 8>;
        for (var i = 0u; i < 8u; i++) {
          let k = b * u.chunks + chunkAt(min(first + i, u.chunks - 1u));
          added[i] = values[(k * u.rows + n) * u.inner + e];
          // sums [B, chunks, 2, E]: of dt, and 0 if there was a reset.
          let kept = sums[(k * 2u + 1u) * u.inner + e];
          decay[i] = exp2(clamp(rate * sums[k * 2u * u.inner + e], -126.0, 126.0)) * kept;
        }
        for (var i = 0u; i < 8u; i++) {
          if (first + i >= u.chunks) { break; }
          let k = b * u.chunks + chunkAt(first + i);
          values[(k * u.rows + n) * u.inner + e] = coming;
          coming = fma(decay[i], coming, added[i]);
        }
      }
      if (HAS_END) { end[(b * u.inner + e) * u.stateSize + n] = coming; }
    }`,
})

export function carry(
  sizes: ScanSizes,
  bindings: {
    channels: Operand
    sums: Operand
    start?: Operand | undefined
    values: Operand
    end?: Operand | undefined
  },
  rows: number,
  fromLast: boolean,
): WebGpuLaunch {
  const { batch, inner, stateSize, chunks } = sizes
  const size = batch * stateSize * inner
  return launch(selectiveScanCarry, {
    bindings,
    uniforms: { size, inner, stateSize, chunks, rows },
    constants: { WORKGROUP, FROM_LAST: fromLast },
    grid: gridOf(size, WORKGROUP),
  })
}
