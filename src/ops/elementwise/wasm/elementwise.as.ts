/** p ∘ q; the operators are numbered as in `OPERATORS`. */
function combine(operator: i32, p: v128, q: v128): v128 {
  if (operator == 0) return f32x4.add(p, q)
  if (operator == 1) return f32x4.sub(p, q)
  if (operator == 2) return f32x4.mul(p, q)
  return f32x4.div(p, q)
}

function combineOne(operator: i32, p: f32, q: f32): f32 {
  if (operator == 0) return p + q
  if (operator == 1) return p - q
  if (operator == 2) return p * q
  return p / q
}

/** `count` elements of y = a ∘ b; a and b step by 0 or 1. */
function binaryRun(operator: i32, a: usize, b: usize, y: usize, stepA: i32, stepB: i32, count: i32): void {
  const jumpA: usize = stepA != 0 ? 16 : 0
  const jumpB: usize = stepB != 0 ? 16 : 0
  let i = 0
  if (stepA != 0 && stepB != 0) {
    for (; i + 4 <= count; i += 4, a += 16, b += 16, y += 16) {
      v128.store(y, combine(operator, v128.load(a), v128.load(b)))
    }
  } else {
    const splatA = v128.load32_splat(a)
    const splatB = v128.load32_splat(b)
    for (; i + 4 <= count; i += 4, a += jumpA, b += jumpB, y += 16) {
      v128.store(y, combine(operator, stepA != 0 ? v128.load(a) : splatA, stepB != 0 ? v128.load(b) : splatB))
    }
  }
  for (; i < count; i++, a += jumpA >> 2, b += jumpB >> 2, y += 4) {
    store<f32>(y, combineOne(operator, load<f32>(a), load<f32>(b)))
  }
}

/**
 * y = a ∘ b over four loops (n1, n2, n3 and one around them); aK and bK are the words stepped along loop K, 0
 * where an operand is repeated. y is contiguous. Items: pieces of `piece` elements of the innermost loop, row
 * by row.
 */
export function elementwiseBinary(
  a: usize,
  b: usize,
  y: usize,
  operator: i32,
  n1: i32,
  n2: i32,
  n3: i32,
  a0: i32,
  a1: i32,
  a2: i32,
  a3: i32,
  b0: i32,
  b1: i32,
  b2: i32,
  b3: i32,
  piece: i32,
  begin: i32,
  end: i32,
): void {
  const pieces = (n3 + piece - 1) / piece
  for (let item = begin; item < end; item++) {
    const row = item / pieces
    const start = (item % pieces) * piece
    const i2 = row % n2
    const rest = row / n2
    const i1 = rest % n1
    const i0 = rest / n1
    const atA = i0 * a0 + i1 * a1 + i2 * a2 + start * a3
    const atB = i0 * b0 + i1 * b1 + i2 * b2 + start * b3
    binaryRun(
      operator,
      a + ((<usize>atA) << 2),
      b + ((<usize>atB) << 2),
      y + ((<usize>(row * n3 + start)) << 2),
      a3,
      b3,
      min(piece, n3 - start),
    )
  }
}

/** y = factor · x + shift. Items: pieces. */
export function elementwiseScale(
  x: usize,
  y: usize,
  factor: f32,
  shift: f32,
  size: i32,
  piece: i32,
  begin: i32,
  end: i32,
): void {
  const stop = min(end * piece, size)
  const factors = f32x4.splat(factor)
  const shifts = f32x4.splat(shift)
  let i = begin * piece
  for (; i + 4 <= stop; i += 4) {
    const at = (<usize>i) << 2
    v128.store(y + at, f32x4.add(f32x4.mul(v128.load(x + at), factors), shifts))
  }
  for (; i < stop; i++) {
    const at = (<usize>i) << 2
    store<f32>(y + at, load<f32>(x + at) * factor + shift)
  }
}

/** into += x, floats or integers. Items: pieces. */
export function elementwiseAccumulate(
  into: usize,
  x: usize,
  integers: i32,
  size: i32,
  piece: i32,
  begin: i32,
  end: i32,
): void {
  const stop = min(end * piece, size)
  let i = begin * piece
  if (integers != 0) {
    for (; i < stop; i++) {
      const at = (<usize>i) << 2
      store<i32>(into + at, load<i32>(into + at) + load<i32>(x + at))
    }
    return
  }
  for (; i + 4 <= stop; i += 4) {
    const at = (<usize>i) << 2
    v128.store(into + at, f32x4.add(v128.load(into + at), v128.load(x + at)))
  }
  for (; i < stop; i++) {
    const at = (<usize>i) << 2
    store<f32>(into + at, load<f32>(into + at) + load<f32>(x + at))
  }
}

/**
 * into = the first `bytes` of the word, of which there are `size`; a word is one element, or two. Items:
 * pieces.
 */
export function elementwiseFill(
  into: usize,
  word: i32,
  bytes: i32,
  size: i32,
  piece: i32,
  begin: i32,
  end: i32,
): void {
  const splat = i32x4.splat(word)
  const stop = into + <usize>min(end * piece, size) * <usize>bytes
  let at = into + <usize>(begin * piece) * <usize>bytes
  for (; at + 16 <= stop; at += 16) v128.store(at, splat)
  for (; at < stop; at += bytes) {
    if (bytes == 2) store<u16>(at, <u16>word)
    else store<i32>(at, word)
  }
}
