/**
 * Parts of kernels that read packed weights: `b` are the words, `u.panelWords` those of a panel. See
 * `packed/format.ts`.
 */
import { part } from '../../devices/webgpu/part.ts'

/** Numbers of the formats: their places in `PACKED_FORMATS`. */
const formatsPart = part({
  name: 'packed formats',
  needs: ['FORMAT'],
  gives: ['F16', 'Q8', 'BLOCK_WORDS'],
  text: /* wgsl */ `
    const F16 = 0u;
    const Q8 = 1u;
    const BLOCK_WORDS = select(36u, 68u, FORMAT == Q8);`,
})

/**
 * Halves by integers: what the built-in functions make of subnormals is left open, and scales of small
 * weights are such.
 */
const halvesPart = part({
  name: 'halves',
  needs: [],
  gives: ['halves4'],
  text: /* wgsl */ `
    fn halves4(bits: vec4u) -> vec4f {
      let magnitude = bits & vec4u(0x7fffu);
      let normal = bitcast<vec4f>((magnitude << vec4u(13u)) + vec4u(0x38000000u));
      let small = vec4f(magnitude) * 5.9604644775390625e-8;
      let x = select(normal, small, magnitude < vec4u(0x400u));
      return select(x, -x, bits >= vec4u(0x8000u));
    }`,
})

/** `weights4(k, n)`: rows n … n + 3 at column k; n is a multiple of 4, and below N. */
const weightsPart = part({
  name: 'packed weights',
  needs: ['b', 'u.panelWords', 'FORMAT', 'F16', 'halves4', 'BLOCK_WORDS', 'Q8'],
  gives: ['weights4'],
  text: /* wgsl */ `
    fn words4(at: u32) -> vec4u { return vec4u(b[at], b[at + 1u], b[at + 2u], b[at + 3u]); }

    fn weights4(k: u32, n: u32) -> vec4f {
      let panel = (n / 8u) * u.panelWords;
      let row = n % 8u;
      if (FORMAT == F16) {
        let pairs = words4(panel + (k / 2u) * 8u + row);
        return halves4((pairs >> vec4u(16u * (k % 2u))) & vec4u(0xffffu));
      }
      let block = panel + (k / 32u) * BLOCK_WORDS;
      let low = b[block + row / 2u];
      let high = b[block + row / 2u + 1u];
      let d = halves4(vec4u(low & 0xffffu, low >> 16u, high & 0xffffu, high >> 16u));
      if (FORMAT == Q8) {
        let words = bitcast<vec4i>(words4(block + 4u + ((k % 32u) / 4u) * 8u + row));
        return vec4f(extractBits(words, 8u * (k % 4u), 8u)) * d;
      }
      let words = words4(block + 4u + ((k % 32u) / 8u) * 8u + row);
      let shift = 8u * (k % 4u) + 4u * ((k / 4u) % 2u);
      return vec4f(vec4i((words >> vec4u(shift)) & vec4u(15u)) - 8) * d;
    }`,
})

export const packedParts = [formatsPart, halvesPart, weightsPart]
