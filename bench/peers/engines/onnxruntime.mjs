// ONNX Runtime compiled to WebAssembly, whose threads work in Node: node bench/peers/engines/onnxruntime.mjs
// <threads> Its session copies what goes in and comes out in each run; it cannot keep them on its side.
import { InferenceSession, Tensor, env } from 'onnxruntime-web'
import { obey } from './lines.mjs'
import { graph, modelFile, node } from './onnx.mjs'
import { OPERATIONS, operationOrders } from './operation-work.mjs'

const threads = Number(process.argv[2])
env.wasm.numThreads = threads

/** Names of inputs that models have as weights. */
const WEIGHTS = new Set(['weight', 'A', 'D'])

const product = {
  nodes: [node('Gemm', ['x', 'weight'], ['y'], { transB: 1 })],
  constants: ({ weight }) => ({ weight }),
}

const GRAPHS = {
  matmul: product,
  row: product,
  /**
   * Decays and what is added to states are computed for all tokens before the Scan (with them inside, a run
   * with two threads took 40 ms instead of 33), channels innermost (states innermost: 82 ms).
   */
  scan: {
    nodes: [
      node('Softplus', ['delta'], ['dt']),
      node('Mul', ['dt', 'u'], ['dtu']),
      node('Unsqueeze', ['dt', 'axis1'], ['dt3']),
      node('Unsqueeze', ['dtu', 'axis1'], ['dtu3']),
      node('Unsqueeze', ['B', 'axis2'], ['B3']),
      node('Mul', ['dt3', 'At'], ['dtA']),
      node('Exp', ['dtA'], ['decays']),
      node('Mul', ['dtu3', 'B3'], ['added']),
      node('Scan', ['h0', 'decays', 'added', 'C'], ['hLast', 'Ch'], {
        body: scanBody(),
        num_scan_inputs: 3,
      }),
      node('Mul', ['u', 'D'], ['Du']),
      node('Add', ['Ch', 'Du'], ['sum']),
      node('Sigmoid', ['z'], ['sigmoid']),
      node('Mul', ['z', 'sigmoid'], ['gate']),
      node('Mul', ['sum', 'gate'], ['y']),
    ],
    constants: ({ A, D }) => ({
      At: transposed(A),
      D,
      h0: { shape: A.shape.toReversed(), data: new Float32Array(A.data.length) },
      axis1: { shape: [1], data: BigInt64Array.of(1n) },
      axis2: { shape: [1], data: BigInt64Array.of(2n) },
    }),
  },
}

function scanBody() {
  const [E, N] = OPERATIONS.scan.shapes.A
  return graph({
    nodes: [
      node('Mul', ['decay', 'before'], ['kept']),
      node('Add', ['kept', 'add'], ['h']),
      node('MatMul', ['c', 'h'], ['ch']),
    ],
    inputs: { before: [N, E], decay: [N, E], add: [N, E], c: [N] },
    outputs: { h: [N, E], ch: [E] },
  })
}

function transposed({ shape: [rows, columns], data }) {
  const swapped = data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)])
  return { shape: [columns, rows], data: swapped }
}

async function make(operation, inputs) {
  const { nodes, constants } = GRAPHS[operation]
  const given = Object.entries(inputs).filter(([name]) => !WEIGHTS.has(name))
  const file = modelFile(
    graph({
      nodes,
      constants: constants(inputs),
      inputs: Object.fromEntries(given.map(([name, { shape }]) => [name, shape])),
      outputs: { y: OPERATIONS[operation].shapes.y },
    }),
  )
  const session = await InferenceSession.create(file, { executionProviders: ['wasm'] })
  const feeds = Object.fromEntries(
    given.map(([name, { shape, data }]) => [name, new Tensor('float32', data, shape)]),
  )
  let y
  return {
    async run() {
      ;({ y } = await session.run(feeds))
    },
    result: () => y.getData(),
    dispose: () => session.release(),
  }
}

const about = `onnxruntime-web ${env.versions.web}, wasm, Node ${process.versions.node}, ${threads} threads`
await obey(about, operationOrders(make))
// Its threads keep the process alive.
process.exit()
