import { part } from '../../devices/webgpu/part.ts'

/**
 * `inverseRoot(x)`: 1 / sqrt(x), and no number where x is infinite. Squares have overflowed there, and 0, the
 * root that arithmetic gives, would turn activations that are too large into zeros that nobody notices.
 */
export const inverseRootPart = part({
  name: 'inverse root',
  needs: [],
  gives: ['inverseRoot'],
  text: /* wgsl */ `
    fn inverseRoot(x: f32) -> f32 {
      let infinite = bitcast<u32>(x) == 0x7f800000u;
      return bitcast<f32>(select(bitcast<u32>(1.0 / sqrt(x)), 0x7fc00000u, infinite));
    }`,
})
