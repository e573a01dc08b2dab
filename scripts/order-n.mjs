// The classic model to compare with: how often each byte followed the last n bytes.

/**
 * Bits per byte of `text` under an order-n byte model counted on `training`. A context of n bytes is mixed
 * with that of n - 1 bytes, and so on, by the weights of Witten and Bell (1991, method C):
 * p(b | context) = (count(context, b) + kinds(context) · p(b | shorter context)) / (count(context) +
 * kinds(context)), where kinds is how many different bytes followed the context. Below all is the uniform
 * distribution over 256.
 *
 * @param {Uint8Array} training
 * @param {Uint8Array} text what follows the training text
 * @param {number} order
 */
export function orderModelBits(training, text, order) {
  const tables = Array.from({ length: order + 1 }, (_, n) => countContexts(training, n))
  const all = Buffer.concat([training.subarray(training.length - order), text])
  let bits = 0
  for (let at = order; at < all.length; at++) {
    let p = 1 / 256
    for (let n = 0; n <= order; n++) {
      const seen = tables[n].get(keyOf(all, at, n))
      if (!seen) break
      p = ((seen.counts.get(all[at]) ?? 0) + seen.counts.size * p) / (seen.total + seen.counts.size)
    }
    bits -= Math.log2(p)
  }
  return bits / text.length
}

/**
 * @param {Uint8Array} text
 * @param {number} n
 */
function countContexts(text, n) {
  /** @type {Map<number, { total: number, counts: Map<number, number> }>} */
  const table = new Map()
  for (let at = n; at < text.length; at++) {
    const key = keyOf(text, at, n)
    let seen = table.get(key)
    if (!seen) table.set(key, (seen = { total: 0, counts: new Map() }))
    seen.total++
    seen.counts.set(text[at], (seen.counts.get(text[at]) ?? 0) + 1)
  }
  return table
}

/** The n bytes before `at` as one number; n is at most 6. */
function keyOf(text, at, n) {
  let key = 0
  for (let i = at - n; i < at; i++) key = key * 256 + text[i]
  return key
}
