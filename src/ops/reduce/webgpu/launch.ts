import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { dims } from '../../../tensor/shape.ts'
import type { Call } from '../../operation.ts'
import { passesOf } from '../passes.ts'
import type {
  BroadcastInputs,
  BroadcastOutputs,
  BroadcastParams,
  MaxBackwardInputs,
  MaxBackwardOutputs,
  ReduceInputs,
  ReduceOutputs,
  SumParams,
} from '../types.ts'

const WORKGROUP = 256
/** From here on, a workgroup shares one run of n if it is contiguous; else an invocation takes it alone. */
const LONG = 64
/** Most values that a workgroup takes. */
const SHARED_SLICE = 8192
/** With fewer outputs than this, long runs are cut so that more invocations work. */
const MANY_OUTPUTS = 65_536

/** y [outer, slices] from x [outer, n]: a workgroup for each slice, a tree at its end. */
const reduceShared = defineKernel({
  name: 'reduceShared',
  bindings: { x: 'f32', y: 'f32 rw' },
  uniforms: { outputs: 'u32', n: 'u32', slices: 'u32', slice: 'u32', factor: 'f32' },
  constants: { WORKGROUP: 'u32', MAX: 'bool' },
  body: /* wgsl */ `
    var<workgroup> shared_: array<f32, WORKGROUP>;

    fn combine(p: f32, q: f32) -> f32 {
      if (MAX) { return max(p, q); }
      return p + q;
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let output = flatGroup(group);
      if (output >= u.outputs) { return; }
      let first = (output % u.slices) * u.slice;
      let end = min(first + u.slice, u.n);
      let row = (output / u.slices) * u.n;
      var total = 0.0;
      if (MAX) { total = x[row + first]; }
      for (var k = first + local; k < end; k += WORKGROUP) { total = combine(total, x[row + k]); }
      shared_[local] = total;
      for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (local < half) { shared_[local] = combine(shared_[local], shared_[local + half]); }
      }
      if (local == 0u) { y[output] = u.factor * shared_[0]; }
    }`,
})

/** y [outer, slices, inner] from x [outer, n, inner]: an invocation for each output. */
const reduceAlone = defineKernel({
  name: 'reduceAlone',
  bindings: { x: 'f32', y: 'f32 rw' },
  uniforms: { outputs: 'u32', n: 'u32', inner: 'u32', slices: 'u32', slice: 'u32', factor: 'f32' },
  constants: { WORKGROUP: 'u32', MAX: 'bool' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let output = flatGroup(group) * WORKGROUP + local;
      if (output >= u.outputs) { return; }
      let column = output % u.inner;
      let part = output / u.inner;
      let first = (part % u.slices) * u.slice;
      let end = min(first + u.slice, u.n);
      let start = (part / u.slices) * u.n * u.inner + column;
      var total = x[start + first * u.inner];
      for (var k = first + 1u; k < end; k++) {
        let value = x[start + k * u.inner];
        if (MAX) { total = max(total, value); } else { total += value; }
      }
      y[output] = u.factor * total;
    }`,
})

const broadcastKernel = defineKernel({
  name: 'broadcast',
  bindings: { x: 'f32', y: 'f32 rw' },
  uniforms: { size: 'u32', n: 'u32', inner: 'u32', factor: 'f32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i < u.size) { y[i] = u.factor * x[i / (u.n * u.inner) * u.inner + i % u.inner]; }
    }`,
})

/** An invocation walks each run, and gives dy to the first element that is the maximum. */
const maxBackwardKernel = defineKernel({
  name: 'maxBackward',
  bindings: { x: 'f32', y: 'f32', dy: 'f32', dx: 'f32 rw' },
  uniforms: { outputs: 'u32', n: 'u32', inner: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let output = flatGroup(group) * WORKGROUP + local;
      if (output >= u.outputs) { return; }
      let start = (output / u.inner) * u.n * u.inner + output % u.inner;
      var gradient = dy[output];
      for (var k = 0u; k < u.n; k++) {
        let at = start + k * u.inner;
        if (x[at] == y[output]) {
          dx[at] = gradient;
          gradient = 0.0;
        } else {
          dx[at] = 0.0;
        }
      }
    }`,
})

export function sum(call: Call<ReduceInputs, ReduceOutputs, SumParams>): WebGpuLaunch[] {
  return reduce(call, call.params.factor, false)
}

export function max(call: Call<ReduceInputs, ReduceOutputs, object>): WebGpuLaunch[] {
  return reduce(call, 1, true)
}

function reduce(
  call: Call<ReduceInputs, ReduceOutputs, object>,
  scale: number,
  MAX: boolean,
): WebGpuLaunch[] {
  const { x } = call.inputs
  const [outer, n, inner] = dims(x, 3)
  const contiguousRuns = inner === 1 && n >= LONG
  const cut = n > LONG && outer * inner < MANY_OUTPUTS ? Math.ceil(Math.sqrt(n)) : n
  const passes = passesOf(x, call.outputs.y, contiguousRuns ? SHARED_SLICE : cut, call.scratch)
  const constants = { WORKGROUP, MAX }
  return passes.map(({ slices, slice, last, ...pass }) => {
    const outputs = pass.outer * slices * inner
    const bindings = { x: pass.x, y: pass.y }
    const uniforms = { outputs, n: pass.n, slices, slice, factor: last ? scale : 1 }
    return contiguousRuns
      ? launch(reduceShared, { bindings, uniforms, constants, grid: gridOf(outputs, 1) })
      : launch(reduceAlone, {
          bindings,
          uniforms: { ...uniforms, inner },
          constants,
          grid: gridOf(outputs, WORKGROUP),
        })
  })
}

export function broadcast({
  inputs: { x },
  outputs: { y },
  params: { n, factor },
}: Call<BroadcastInputs, BroadcastOutputs, BroadcastParams>): WebGpuLaunch[] {
  const uniforms = { size: y.size, n, inner: x.width, factor }
  return [
    launch(broadcastKernel, {
      bindings: { x, y },
      uniforms,
      constants: { WORKGROUP },
      grid: gridOf(y.size, WORKGROUP),
    }),
  ]
}

export function maxBackward({
  inputs: { x, y, dy },
  outputs: { dx },
}: Call<MaxBackwardInputs, MaxBackwardOutputs, object>): WebGpuLaunch[] {
  const uniforms = { outputs: y.size, n: x.shape[1], inner: x.shape[2] }
  return [
    launch(maxBackwardKernel, {
      bindings: { x, y, dy, dx },
      uniforms,
      constants: { WORKGROUP },
      grid: gridOf(y.size, WORKGROUP),
    }),
  ]
}
