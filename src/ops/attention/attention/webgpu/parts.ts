import { part } from '../../../../devices/webgpu/part.ts'
/**
 * A function that reads columns 4c to 4c + 3 of a head of width P, zero beyond it, of the row that begins at
 * `start`.
 */
export const loader = (name: string, tensor: string, start: string): string => /* wgsl */ `
  fn ${name}(b: u32, i: u32, h: u32, c: u32) -> vec4f {
    let at = ${start} + 4u * c;
    var value = vec4f();
    for (var e = 0u; e < 4u; e++) { if (4u * c + e < P) { value[e] = ${tensor}[at + e]; } }
    return value;
  }`

/** What the attention kernels share. Bindings q, k, v and `limits`; see `limitsOf`. */
export const attentionPart = part({
  name: 'attention',
  needs: [
    'LIMITS',
    'limits',
    'u.length',
    'u.keys',
    'u.qOffset',
    'u.qStride',
    'P',
    'q',
    'u.kOffset',
    'u.kStride',
    'k',
    'u.vOffset',
    'u.vStride',
    'v',
  ],
  gives: ['keysOf', 'loadQ', 'loadK', 'loadV'],
  text: /* wgsl */ `
  // Keys (first, last) that query i sees. LIMITS: 0 the last keys belong to the last queries, 1 limits is
  // past [B], 2 limits is [B, L, 2]. The last may lie beyond the keys.
  fn keysOf(b: u32, i: u32) -> vec2i {
    if (LIMITS == 1u) { return vec2i(0, limits[b] + i32(i)); }
    if (LIMITS == 2u) {
      let at = 2u * (b * u.length + i);
      return vec2i(limits[at], limits[at + 1u]);
    }
    return vec2i(0, i32(i + u.keys) - i32(u.length));
  }

  ${loader('loadQ', 'q', 'u.qOffset + (b * u.length + i) * u.qStride + h * P')}
  ${loader('loadK', 'k', 'u.kOffset + (b * u.keys + i) * u.kStride + h * P')}
  ${loader('loadV', 'v', 'u.vOffset + (b * u.keys + i) * u.vStride + h * P')}
`,
})

/** How a workgroup is cut: see `Cut`. WIDTH are vectors of a head. */
export const cutPart = part({
  name: 'cut',
  needs: ['ROWS', 'SPLIT', 'PART'],
  gives: ['WORKGROUP', 'WIDTH'],
  text: /* wgsl */ `
    const WORKGROUP = ROWS * SPLIT;
    const WIDTH = PART * SPLIT;`,
})

/** `loadKeys`: a tile of keys and values from `start` on, zero beyond `last`. */
export const keyTilesPart = part({
  name: 'tiles of keys',
  needs: ['TILE', 'WIDTH', 'WORKGROUP', 'loadK', 'loadV'],
  gives: ['kTile', 'vTile', 'loadKeys'],
  text: /* wgsl */ `
    var<workgroup> kTile: array<vec4f, TILE * WIDTH>;
    var<workgroup> vTile: array<vec4f, TILE * WIDTH>;

    fn loadKeys(b: u32, hk: u32, start: i32, last: i32, local: u32) {
      for (var n = local; n < TILE * WIDTH; n += WORKGROUP) {
        let j = start + i32(n / WIDTH);
        var kValue = vec4f();
        var vValue = vec4f();
        if (j <= last) {
          kValue = loadK(b, u32(j), hk, n % WIDTH);
          vValue = loadV(b, u32(j), hk, n % WIDTH);
        }
        kTile[n] = kValue;
        vTile[n] = vValue;
      }
    }`,
})

/**
 * How a workgroup is cut: ROWS rows (queries, or keys) times SPLIT threads for each, which own PART vec4s of
 * the head and meet in TILE of the other side at a time.
 */
export interface Cut {
  readonly ROWS: number
  readonly SPLIT: number
  readonly PART: number
  readonly TILE: number
}

/**
 * `own`: columns of a head that a thread keeps in registers; `exchanged`: sums that split threads bring
 * together.
 */
export function cutFor(P: number, own: number, exchanged: number): Cut {
  let SPLIT = 1
  while (SPLIT * own < P) SPLIT *= 2
  const ROWS = Math.max(1, Math.min(64, 128 / SPLIT))
  const PART = Math.ceil(P / 4 / SPLIT)
  const bytesPerTile = 2 * 16 * PART * SPLIT + (SPLIT > 1 ? 4 * exchanged * ROWS * SPLIT : 0) + 16
  let TILE = 16
  while (TILE > 1 && TILE * bytesPerTile > 15360) TILE /= 2
  return { ROWS, SPLIT, PART, TILE }
}
