import { part } from '../../devices/webgpu/part.ts'

/** Logits as keys that are ordered as they are. */
export const keysPart = part({
  name: 'keys of logits',
  needs: ['logits', 'u.logitsOffset', 'u.logitsStride', 'HAS_SEEN', 'settings', 'seen', 'u.V', 'WORKGROUP'],
  gives: ['LOWEST', 'BAD', 'TOGETHER', 'logitAt', 'keyOf', 'larger', 'largestOfAll'],
  text: /* wgsl */ `
    /** The key of -infinity; one for NaN and +infinity, which stand above all. */
    const LOWEST = 0x007fffffu;
    const BAD = 0xffffffffu;
    /**
     * Logits that an invocation reads together: beyond the last, that again, so that nothing is asked before
     * a read.
     */
    const TOGETHER = 8u;

    fn logitAt(b: u32, v: u32) -> f32 {
      var x = logits[u.logitsOffset + b * u.logitsStride + v];
      if (HAS_SEEN) {
        let penalty = settings[4];
        if (seen[b * u.V + v] > 0 && penalty > 0.0) { x = select(x * penalty, x / penalty, x > 0.0); }
      }
      return x;
    }

    fn keyOf(x: f32) -> u32 {
      let bits = bitcast<u32>(x);
      let magnitude = bits & 0x7fffffffu;
      if (magnitude > 0x7f800000u || bits == 0x7f800000u) { return BAD; }
      // -0 is 0.
      if (magnitude == 0u) { return 0x80000000u; }
      return select(bits | 0x80000000u, ~bits, bits != magnitude);
    }

    /** The larger key with its token; the first token of equals. */
    fn larger(a: vec2u, b: vec2u) -> vec2u {
      return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y));
    }

    var<workgroup> bests: array<vec2u, WORKGROUP>;

    /** The largest of what the invocations of a workgroup found. */
    fn largestOfAll(mine: vec2u, local: u32) -> vec2u {
      bests[local] = mine;
      for (var half = WORKGROUP / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if (local < half) { bests[local] = larger(bests[local], bests[local + half]); }
      }
      return workgroupUniformLoad(&bests[0]);
    }`,
})
