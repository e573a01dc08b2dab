import { FUNCTIONS } from '../activation/reference.ts'
import type { Arrays, NdArray } from '../operation.ts'
import type { MatmulInputs, MatmulOutputs, MatmulParams } from './types.ts'

export function matmul(
  { a, b, bias, residual }: Arrays<MatmulInputs>,
  { y, pre }: Arrays<MatmulOutputs>,
  { transposeA, transposeB, activation }: MatmulParams,
): void {
  const [M, N] = y.shape.slice(-2)
  const K = a.shape.at(transposeA ? -2 : -1)!
  const activate = FUNCTIONS[activation]
  for (let matrix = 0; matrix < y.data.length / (M * N); matrix++) {
    const [A, B] = [matrixOf(a, matrix), matrixOf(b, matrix)]
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        let sum = bias?.data[n] ?? 0
        for (let k = 0; k < K; k++) {
          sum += A[transposeA ? k * M + m : m * K + k] * B[transposeB ? n * K + k : k * N + n]
        }
        const i = (matrix * M + m) * N + n
        if (pre) pre.data[i] = sum
        y.data[i] = activate.f(sum) + (residual?.data[i] ?? 0)
      }
    }
  }
}

/** Values of one matrix; the only one if `x` has no leading axes. */
function matrixOf(x: NdArray, matrix: number): Float64Array {
  const size = x.shape.at(-2)! * x.shape.at(-1)!
  const start = x.shape.length > 2 ? matrix * size : 0
  return x.data.subarray(start, start + size)
}
