/** `count` channels from x on, the lanes beyond them zero. */
export function loadLanes(x: usize, count: i32): v128 {
  if (count >= 4) return v128.load(x)
  let lanes = v128.load32_zero(x)
  if (count > 1) lanes = v128.load32_lane(x + 4, lanes, 1)
  if (count > 2) lanes = v128.load32_lane(x + 8, lanes, 2)
  return lanes
}

export function storeLanes(x: usize, lanes: v128, count: i32): void {
  if (count >= 4) {
    v128.store(x, lanes)
    return
  }
  store<f32>(x, f32x4.extract_lane(lanes, 0))
  if (count > 1) store<f32>(x, f32x4.extract_lane(lanes, 1), 4)
  if (count > 2) store<f32>(x, f32x4.extract_lane(lanes, 2), 8)
}
