import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { part } from '../../../devices/webgpu/part.ts'
import type { Call } from '../../operation.ts'
import type { RopeInputs, RopeOutputs, RopeParams } from './types.ts'

const WORKGROUP = 256

type RopeKernel = ReturnType<typeof makeRope>
const kernels = new Map<string, RopeKernel>()

/**
 * The angles' speeds stand in the kernel's text, as turns in 64 bits after the point: position times speed,
 * modulo one turn, is then exact however far out the position is. In float32 it would lose a digit with every
 * digit of the position.
 */
function makeRope(theta: number, rotaryDim: number) {
  const speeds = Array.from({ length: Math.max(rotaryDim / 2, 1) }, (_, d) => {
    const turns = rotaryDim === 0 ? 0 : theta ** ((-2 * d) / rotaryDim) / (2 * Math.PI)
    const high = Math.floor(turns * 2 ** 32)
    const low = Math.floor((turns * 2 ** 32 - high) * 2 ** 32)
    return `vec2u(${high}u, ${low}u)`
  })
  return defineKernel({
    name: 'rope',
    bindings: { x: 'f32 view', past: 'i32?', y: 'f32 rw' },
    uniforms: { size: 'u32', length: 'u32', width: 'u32' },
    constants: { P: 'u32', HALF: 'u32', INVERSE: 'bool', WORKGROUP: 'u32' },
    parts: [ropePart],
    body: `const SPEEDS = array<vec2u, ${speeds.length}>(${speeds.join(', ')});`,
  })
}

/** All of the kernel but the speeds of its angles. */
const ropePart = part({
  name: 'rope',
  needs: [
    'HALF',
    'HAS_PAST',
    'INVERSE',
    'P',
    'SPEEDS',
    'WORKGROUP',
    'past',
    'u.length',
    'u.size',
    'u.width',
    'u.xOffset',
    'u.xStride',
    'x',
    'y',
  ],
  gives: ['main'],
  text: /* wgsl */ `
    // The upper 32 bits of a b.
    fn multiplyHigh(a: u32, b: u32) -> u32 {
      let low = (a & 0xffffu) * (b & 0xffffu);
      let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
      let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
      return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
    }

    // (cos, sin) of an angle in turns of 2^-32: a quarter turn or less by series, then by symmetry.
    fn unitOf(angle: u32) -> vec2f {
      let quarter = (angle + 0x20000000u) >> 30u;
      let r = f32(bitcast<i32>(angle - (quarter << 30u))) * 1.4629180792671596e-9;
      let z = r * r;
      let s = r * (1.0 + z * (-1.0 / 6.0 + z * (1.0 / 120.0 + z * (-1.0 / 5040.0 + z / 362880.0))));
      let c = 1.0 + z * (-0.5 + z * (1.0 / 24.0 + z * (-1.0 / 720.0 + z * (1.0 / 40320.0 - z / 3628800.0))));
      switch quarter & 3u {
        case 1u: { return vec2f(-s, c); }
        case 2u: { return vec2f(-c, -s); }
        case 3u: { return vec2f(s, -c); }
        default: { return vec2f(c, s); }
      }
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let n = flatGroup(group) * WORKGROUP + local;
      if (n >= u.size) { return; }
      let row = n / u.width;
      let column = n % u.width;
      let d = column % P;
      let at = u.xOffset + row * u.xStride + column;
      if (d >= 2u * HALF) {
        y[n] = x[at];
        return;
      }
      var position = row % u.length;
      if (HAS_PAST) { position += u32(past[row / u.length]); }
      let speeds = SPEEDS;
      let speed = speeds[d % max(HALF, 1u)];
      var unit = unitOf(position * speed.x + multiplyHigh(position, speed.y));
      if (INVERSE) { unit.y = -unit.y; }
      if (d < HALF) { y[n] = x[at] * unit.x - x[at + HALF] * unit.y; }
      else { y[n] = x[at] * unit.x + x[at - HALF] * unit.y; }
    }`,
})

export function rope({ inputs, outputs, params }: Call<RopeInputs, RopeOutputs, RopeParams>): WebGpuLaunch[] {
  const { x, past } = inputs
  const { headDim: P, theta, rotaryDim, inverse } = params
  const key = `${theta} ${rotaryDim}`
  const kernel = kernels.get(key) ?? makeRope(theta, rotaryDim)
  kernels.set(key, kernel)
  return [
    launch(kernel, {
      bindings: { x, past, y: outputs.y },
      uniforms: { size: x.size, length: x.shape[1], width: x.width },
      constants: { P, HALF: rotaryDim / 2, INVERSE: inverse, WORKGROUP },
      grid: gridOf(x.size, WORKGROUP),
    }),
  ]
}
