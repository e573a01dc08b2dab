/** out [E, count] = the columns from `column` on of sums [B, E, W], summed over B. Items: channels. */
export function selectiveScanBackwardChannels(
  sums: usize,
  out: usize,
  batch: i32,
  inner: i32,
  sumsWidth: i32,
  column: i32,
  count: i32,
  begin: i32,
  end: i32,
): void {
  for (let e = begin; e < end; e++) {
    for (let n = 0; n < count; n++) {
      let sum: f32 = 0
      for (let b = 0; b < batch; b++) {
        sum += load<f32>(sums + ((<usize>((b * inner + e) * sumsWidth + column + n)) << 2))
      }
      store<f32>(out + ((<usize>(e * count + n)) << 2), sum)
    }
  }
}

/**
 * dB or dC [B, L, G, N] = part 0 or 1 of tokens [B, L, G, blocks, 2, N], summed over blocks. Items: tokens
 * and groups.
 */
export function selectiveScanBackwardTokens(
  tokens: usize,
  out: usize,
  stateSize: i32,
  blocks: i32,
  part: i32,
  begin: i32,
  end: i32,
): void {
  for (let row = begin; row < end; row++) {
    for (let n = 0; n < stateSize; n++) {
      let sum: f32 = 0
      for (let block = 0; block < blocks; block++) {
        sum += load<f32>(tokens + ((<usize>(((row * blocks + block) * 2 + part) * stateSize + n)) << 2))
      }
      store<f32>(out + ((<usize>(row * stateSize + n)) << 2), sum)
    }
  }
}
