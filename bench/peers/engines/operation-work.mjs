// Operations that all engines have, their inputs, and the orders that engines of them obey. Pages load it
// too.

const [M, K, N, WORDS] = [512, 768, 3072, 50_280]
/** Tokens, channels and states of the scan. */
const [L, E, S] = [512, 1536, 16]

/**
 * `cost`: floating-point operations (an exponential is one), or bytes of weights; `runs`: in a turn.
 * Weights are [out, in], as models store them.
 */
export const OPERATIONS = {
  matmul: {
    title: `matmul ${M} × ${K} × ${N}`,
    shapes: { x: [M, K], weight: [N, K], y: [M, N] },
    unit: 'GFLOP/s',
    cost: 2 * M * K * N,
    runs: 16,
  },
  row: {
    title: `product of one row, ${K} to ${WORDS}`,
    shapes: { x: [1, K], weight: [WORDS, K], y: [1, WORDS] },
    unit: 'GB/s',
    cost: 4 * K * WORDS,
    runs: 64,
  },
  scan: {
    title: `selective scan, ${L} × ${E} channels, N ${S}`,
    shapes: {
      u: [L, E],
      delta: [L, E],
      A: [E, S],
      B: [L, S],
      C: [L, S],
      D: [E],
      z: [L, E],
      y: [L, E],
    },
    unit: 'GFLOP/s',
    cost: 7 * L * E * S,
    runs: 16,
  },
}

/** @typedef {keyof typeof OPERATIONS} OperationName */

/**
 * Values from random numbers in [-0.5, 0.5): steps of about 0.05 after softplus; A = -1 to -S, as models
 * begin.
 */
const valueOf = (/** @type {string} */ name, /** @type {number} */ random, /** @type {number} */ i) =>
  name === 'delta' ? random - 3 : name === 'A' ? -1 - (i % S) : random

/**
 * Inputs of an operation: the same in each engine.
 * @param {OperationName} operation
 * @returns {Record<string, { shape: number[], data: Float32Array }>}
 */
export function inputsOf(operation) {
  let seed = 1
  const next = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed / 2 ** 32 - 0.5
  }
  const made = Object.entries(OPERATIONS[operation].shapes).filter(([name]) => name !== 'y')
  return Object.fromEntries(
    made.map(([name, shape]) => {
      const length = shape.reduce((size, each) => size * each, 1)
      const data = Float32Array.from({ length }, (_, i) => valueOf(name, next(), i))
      return [name, { shape, data }]
    }),
  )
}

/**
 * A run of an operation begins with its inputs where the engine keeps them, and ends when its result is
 * there.
 * @typedef {{ run(): Promise<void>, result(): Promise<Float32Array>, dispose(): void | Promise<void> }}
 *   OperationWork
 */

/** @param {(operation: OperationName, inputs: ReturnType<typeof inputsOf>) => Promise<OperationWork>} make */
export function operationOrders(make) {
  /** @type {OperationWork | undefined} */
  let work
  return {
    async prepare({ operation }) {
      await work?.dispose()
      work = undefined
      work = await make(operation, inputsOf(operation))
      await work.run()
      return { y: await work.result() }
    },
    async repeat({ count }) {
      const start = performance.now()
      for (let i = 0; i < count; i++) await work.run()
      return { seconds: (performance.now() - start) / 1000 / count }
    },
  }
}
