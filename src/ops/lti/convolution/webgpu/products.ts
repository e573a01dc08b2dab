/** Products of spectra, as passes.ts lays them. */
import { defineKernel } from '../../../../devices/webgpu/kernel.ts'
import { part } from '../../../../devices/webgpu/part.ts'
import { complexPart } from '../../webgpu/parts.ts'

/**
 * What both products do with the spectra X and K of pairs: taken apart into those of real sequences, and put
 * together.
 */
const productPart = part({
  name: 'product of spectra',
  needs: ['conjugate', 'times'],
  gives: ['mirrorOf', 'product'],
  text: /* wgsl */ `
    fn mirrorOf(at: u32) -> u32 {
      if (at == 0) { return 0; }
      return at ^ ((1u << firstLeadingBit(at)) - 1);
    }

    /** x k or x conj(k), at k and -k. */
    fn product(x: vec2f, xMirror: vec2f, k: vec2f, kMirror: vec2f, adjoint: bool) -> vec4f {
      let x0 = 0.5 * (x + conjugate(xMirror));
      let x1 = 0.5 * (x - conjugate(xMirror));
      var k0 = 0.5 * (k + conjugate(kMirror));
      var k1 = 0.5 * vec2f(k.y + kMirror.y, kMirror.x - k.x);
      if (adjoint) {
        k0 = conjugate(k0);
        k1 = conjugate(k1);
      }
      // x1 is i times the second sequence's: so is its product.
      let y0 = times(x0, k0);
      let y1 = times(x1, k1);
      return vec4f(y0 + y1, conjugate(y0 - y1));
    }
`,
})

const productParts = [complexPart, productPart]

/** spectra [B, ...] times those of the kernel, in place. */
export const fftMultiply = defineKernel({
  name: 'fftMultiply',
  bindings: { spectra: 'f32 rw', kernelSpectra: 'f32' },
  uniforms: { batch: 'u32', pairs: 'u32', points: 'u32' },
  constants: { WORKGROUP: 'u32', ADJOINT: 'bool' },
  parts: [...productParts],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.batch * u.points * u.pairs) { return; }
      let pair = i % u.pairs;
      let at = (i / u.pairs) % u.points;
      let mirror = mirrorOf(at);
      if (mirror < at) { return; }
      let b = i / u.pairs / u.points;
      let k = at * 2 * u.pairs + pair;
      let m = mirror * 2 * u.pairs + pair;
      let shift = b * u.points * 2 * u.pairs;
      let y = product(
        vec2f(spectra[shift + k], spectra[shift + k + u.pairs]),
        vec2f(spectra[shift + m], spectra[shift + m + u.pairs]),
        vec2f(kernelSpectra[k], kernelSpectra[k + u.pairs]),
        vec2f(kernelSpectra[m], kernelSpectra[m + u.pairs]),
        ADJOINT,
      );
      spectra[shift + k] = y.x;
      spectra[shift + k + u.pairs] = y.y;
      if (m == k) { return; }
      spectra[shift + m] = y.z;
      spectra[shift + m + u.pairs] = y.w;
    }`,
})

/** sums [1, ...]: spectra of dy times conj(those of u), summed over the batch. */
export const fftCorrelate = defineKernel({
  name: 'fftCorrelate',
  bindings: { uSpectra: 'f32', dySpectra: 'f32', sums: 'f32 rw' },
  uniforms: { batch: 'u32', pairs: 'u32', points: 'u32' },
  constants: { WORKGROUP: 'u32' },
  parts: [...productParts],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.points * u.pairs) { return; }
      let pair = i % u.pairs;
      let at = i / u.pairs;
      let mirror = mirrorOf(at);
      if (mirror < at) { return; }
      var sum = vec4f();
      for (var b = 0u; b < u.batch; b++) {
        let k = (b * u.points + at) * 2 * u.pairs + pair;
        let m = (b * u.points + mirror) * 2 * u.pairs + pair;
        sum += product(
          vec2f(dySpectra[k], dySpectra[k + u.pairs]),
          vec2f(dySpectra[m], dySpectra[m + u.pairs]),
          vec2f(uSpectra[k], uSpectra[k + u.pairs]),
          vec2f(uSpectra[m], uSpectra[m + u.pairs]),
          true,
        );
      }
      let k = at * 2 * u.pairs + pair;
      let m = mirror * 2 * u.pairs + pair;
      sums[k] = sum.x;
      sums[k + u.pairs] = sum.y;
      if (m == k) { return; }
      sums[m] = sum.z;
      sums[m + u.pairs] = sum.w;
    }`,
})
