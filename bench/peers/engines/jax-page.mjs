// jax-js in a page. Arrays are used up by what takes them, unless it is given `ref`.
import { operationOrders } from './operation-work.mjs'

/**
 * Tokens that a jitted part of the scan takes. A run with 16: 115 ms, 32: 105, 64: 102, all 512 in one: 219.
 */
const PART = 64

export async function ordersOf(jax) {
  await jax.init('wasm')
  jax.defaultDevice('wasm')
  const works = { matmul: productWork, row: productWork, scan: scanWork }
  return operationOrders(async (operation, inputs) => {
    const arrays = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, data }]) => [name, jax.numpy.array(data, { shape })]),
    )
    const call = works[operation](jax, arrays)
    let y
    return {
      async run() {
        y?.dispose()
        y = call()
        await y.blockUntilReady()
      },
      result: () => y.ref.data(),
      dispose() {
        for (const each of [y, ...Object.values(arrays)]) each.dispose()
      },
    }
  })
}

function productWork({ jit, numpy }, { x, weight }) {
  const product = jit((x, weight) => numpy.matmul(x, weight.transpose()))
  return () => product(x.ref, weight.ref)
}

const rowOf = (x, t) => x.ref.slice(t).reshape([1, x.shape[1]])
const columnOf = (x, t) => x.ref.slice(t).reshape([x.shape[1], 1])

/** There is no lax.scan, nor another loop: a jitted part is called again and again, its place an argument. */
function scanWork({ jit, nn, numpy: np }, { u, delta, A, B, C, D, z }) {
  const [L, E] = u.shape
  const N = A.shape[1]
  const parts = L / PART
  const places = Array.from({ length: parts }, (_, k) =>
    np.array(Int32Array.of(k), { shape: [], dtype: np.int32 }),
  )
  const cut = (x) => x.reshape([parts, PART, x.shape[1]])
  const before = jit((delta, u, B, C) => {
    const dt = nn.softplus(delta)
    return [dt.ref, dt.mul(u), B, C].map(cut)
  })
  const part = jit((k, start, At, ...whole) => {
    const [dt, dtu, B, C] = whole.map((x) => np.take(x, k.ref, 0))
    const sums = []
    let h = start
    for (let t = 0; t < PART; t++) {
      const decay = np.exp(rowOf(dt, t).mul(At.ref))
      h = h.mul(decay).add(columnOf(B, t).mul(rowOf(dtu, t)))
      sums.push(np.sum(h.ref.mul(columnOf(C, t)), 0))
    }
    return [h, np.stack(sums)]
  })
  const after = jit((sums, u, D, z) => sums.add(u.mul(D)).mul(z.ref).mul(nn.sigmoid(z)))
  return () => {
    const At = A.ref.transpose()
    const whole = before(delta.ref, u.ref, B.ref, C.ref)
    const sums = []
    let h = np.zeros([N, E])
    for (const k of places) {
      const [last, sum] = part(k.ref, h, At.ref, ...whole.map((x) => x.ref))
      h = last
      sums.push(sum)
    }
    for (const each of [h, At, ...whole]) each.dispose()
    return after(np.concatenate(sums, 0), u.ref, D.ref, z.ref)
  }
}
