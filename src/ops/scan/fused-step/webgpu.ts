import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { part } from '../../../devices/webgpu/part.ts'
import { dims } from '../../../tensor/shape.ts'
import { activationPart } from '../../parts/activation.ts'
import { kernelFor, type Kernel } from '../../kernels/kernels.ts'
import { PACKED_FORMATS } from '../../packed/format.ts'
import { packedParts } from '../../parts/packed-weights.ts'
import { LANES, ROWS, STEP_CONSTANTS, stepPart } from '../step/webgpu.ts'
import type { SelectiveStepInputs, SelectiveStepOutputs, SelectiveStepParams } from './types.ts'

/** Up to so many rows, each makes delta for itself; with more, a product does (see `compose`). */
const FEW_ROWS = 8

const bindings = {
  state: 'f32 rw',
  x: 'f32',
  selected: 'f32',
  A: 'f32',
  D: 'f32?',
  z: 'f32? view',
  b: 'f32',
  deltaBias: 'f32?',
  y: 'f32 rw',
} as const
const uniforms = { size: 'u32', inner: 'u32', stateSize: 'u32', rank: 'u32' } as const

/** The threads of a channel share the inner product that makes its delta. */
const selectedPart = part({
  name: 'selected inputs',
  needs: ['selected', 'u.rank', 'u.stateSize', 'LANES', 'u.inner', 'weightAt', 'total'],
  gives: ['readB', 'readC', 'deltaOf'],
  text: /* wgsl */ `
    fn selectedAt(row: u32, column: u32) -> f32 { return selected[row * (u.rank + 2u * u.stateSize) + column]; }
    fn readB(b: u32, e: u32, n: u32) -> f32 { return selectedAt(b, u.rank + n); }
    fn readC(b: u32, e: u32, n: u32) -> f32 { return selectedAt(b, u.rank + u.stateSize + n); }

    fn deltaOf(i: u32, local: vec3u) -> f32 {
      var part = 0.0;
      for (var r = local.x; r < u.rank; r += LANES) {
        part = fma(selectedAt(i / u.inner, r), weightAt(i % u.inner, r), part);
      }
      let delta = total(part, local);
      workgroupBarrier();
      return delta;
    }`,
})

const selectiveStepKernel = defineKernel({
  name: 'selectiveStep',
  bindings,
  uniforms,
  constants: STEP_CONSTANTS,
  parts: [activationPart, selectedPart, stepPart],
  body: /* wgsl */ `
    fn weightAt(e: u32, r: u32) -> f32 { return b[e * u.rank + r]; }`,
})

const packedSelectiveStep = defineKernel({
  name: 'packedSelectiveStep',
  bindings: { ...bindings, b: 'u32' },
  uniforms: { ...uniforms, panelWords: 'u32' },
  constants: { ...STEP_CONSTANTS, FORMAT: 'u32' },
  parts: [activationPart, ...packedParts, selectedPart, stepPart],
  body: /* wgsl */ `
    fn weightAt(e: u32, r: u32) -> f32 { return weights4(r, e - e % 4u)[e % 4u]; }`,
})

export const selectiveStep: Kernel<
  SelectiveStepInputs,
  SelectiveStepOutputs,
  SelectiveStepParams,
  WebGpuLaunch
> = kernelFor(
  ({ x }) => x.rows <= FEW_ROWS,
  ({ inputs: { weight, ...inputs }, outputs: { y }, params: { format, logDecay = false } }) => {
    const [, inner, stateSize] = dims(inputs.state, 3)
    const operands = { ...inputs, b: weight, y }
    const sizes = { size: y.size, inner, stateSize, rank: inputs.selected.width - 2 * stateSize }
    const constants = { LANES, ROWS, WITH_SOFTPLUS: true, LOG_DECAY: logDecay }
    const grid = gridOf(y.size, ROWS)
    if (format === undefined) {
      return [launch(selectiveStepKernel, { bindings: operands, uniforms: sizes, constants, grid })]
    }
    return [
      launch(packedSelectiveStep, {
        bindings: operands,
        uniforms: { ...sizes, panelWords: weight.width },
        constants: { ...constants, FORMAT: PACKED_FORMATS.indexOf(format) },
        grid,
      }),
    ]
  },
)
