/** The halves nearest to four f32, ties to even, in the low 16 bits of each lane. NaN loses its payload. */
function toHalves4(x: v128): v128 {
  const sign = v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000))
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff))
  const rebased = i32x4.sub(magnitude, i32x4.splat(0x38000000))
  const odd = v128.and(i32x4.shr_u(rebased, 13), i32x4.splat(1))
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(rebased, i32x4.splat(0xfff)), odd), 13)
  // Numbers from 0.5 on are 2^-24 apart, as are subnormal halves: the addition rounds.
  const small = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000))
  let half = v128.bitselect(small, normal, i32x4.lt_s(magnitude, i32x4.splat(0x38800000)))
  half = v128.bitselect(i32x4.splat(0x7c00), half, i32x4.ge_s(magnitude, i32x4.splat(0x477ff000)))
  half = v128.bitselect(i32x4.splat(0x7e00), half, i32x4.gt_s(magnitude, i32x4.splat(0x7f800000)))
  return v128.or(sign, half)
}

/** The exact values of four halves in the low 16 bits of each lane. */
function toFloats4(half: v128): v128 {
  const sign = i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16)
  const magnitude = v128.and(half, i32x4.splat(0x7fff))
  const normal = i32x4.add(i32x4.shl(magnitude, 13), i32x4.splat(0x38000000))
  // A subnormal half is an integer times 2^-24.
  const small = f32x4.mul(f32x4.convert_i32x4_s(magnitude), f32x4.splat(5.9604644775390625e-8))
  const finite = v128.bitselect(small, normal, i32x4.lt_s(magnitude, i32x4.splat(0x400)))
  const wild = v128.and(i32x4.ge_s(magnitude, i32x4.splat(0x7c00)), i32x4.splat(0x7f800000))
  return v128.or(sign, v128.or(finite, wild))
}

/**
 * y [rows, width] in f16 = x in f32, whose rows are xStride elements apart. Items: pieces of `piece` columns,
 * row after row.
 */
export function castToHalf(
  x: usize,
  y: usize,
  width: i32,
  xStride: i32,
  piece: i32,
  begin: i32,
  end: i32,
): void {
  const pieces = (width + piece - 1) / piece
  for (let item = begin; item < end; item++) {
    const row = item / pieces
    const first = (item % pieces) * piece
    let from = x + ((<usize>(row * xStride + first)) << 2)
    let to = y + ((<usize>(row * width + first)) << 1)
    const stop = to + ((<usize>min(piece, width - first)) << 1)
    for (; to + 16 <= stop; to += 16, from += 32) {
      v128.store(to, i16x8.narrow_i32x4_u(toHalves4(v128.load(from)), toHalves4(v128.load(from, 16))))
    }
    for (; to < stop; to += 2, from += 4) {
      store<u16>(to, <u16>i32x4.extract_lane(toHalves4(v128.load32_splat(from)), 0))
    }
  }
}

/** y [rows, width] in f32 = x in f16, whose rows are xStride elements apart. Items: as above. */
export function castToFloat(
  x: usize,
  y: usize,
  width: i32,
  xStride: i32,
  piece: i32,
  begin: i32,
  end: i32,
): void {
  const pieces = (width + piece - 1) / piece
  for (let item = begin; item < end; item++) {
    const row = item / pieces
    const first = (item % pieces) * piece
    let from = x + ((<usize>(row * xStride + first)) << 1)
    let to = y + ((<usize>(row * width + first)) << 2)
    const stop = to + ((<usize>min(piece, width - first)) << 2)
    for (; to + 16 <= stop; to += 16, from += 8) v128.store(to, toFloats4(v128.load16x4_u(from)))
    for (; to < stop; to += 4, from += 2) {
      store<f32>(to, f32x4.extract_lane(toFloats4(i32x4.splat(load<u16>(from))), 0))
    }
  }
}
