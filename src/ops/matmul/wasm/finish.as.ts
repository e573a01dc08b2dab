import { activate1, activate4 } from '../../activation/wasm/activation.as.ts'

/** The place of a word. */
export function word(x: usize, i: i32): usize {
  return x + ((<usize>i) << 2)
}

/** `count` words of y = f(y + bias) + residual, in place; pre = y + bias. What is 0 is absent. */
export function finish(y: usize, bias: usize, residual: usize, pre: usize, kind: i32, count: i32): void {
  if (bias == 0 && residual == 0 && pre == 0 && kind == 0) return
  let i = 0
  for (; i + 4 <= count; i += 4) {
    let x = v128.load(word(y, i))
    if (bias != 0) x = f32x4.add(x, v128.load(word(bias, i)))
    if (pre != 0) v128.store(word(pre, i), x)
    if (kind != 0) x = activate4(x, kind)
    if (residual != 0) x = f32x4.add(x, v128.load(word(residual, i)))
    v128.store(word(y, i), x)
  }
  for (; i < count; i++) {
    let x = load<f32>(word(y, i))
    if (bias != 0) x += load<f32>(word(bias, i))
    if (pre != 0) store<f32>(word(pre, i), x)
    if (kind != 0) x = activate1(x, kind)
    if (residual != 0) x += load<f32>(word(residual, i))
    store<f32>(word(y, i), x)
  }
}
