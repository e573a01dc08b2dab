/** What modules note, on the host. */
import { observe, type ObserveOptions } from '../../src/nn/observe.ts'
import { scope } from '../../src/tensor/scope.ts'

export interface Noted {
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
}

/** Everything that is noted while `body` runs, by `path name`, in order. */
export async function observed(
  body: () => unknown,
  options?: ObserveOptions,
): Promise<Map<string, readonly Noted[]>> {
  const reads: (readonly [string, readonly number[], Promise<ArrayLike<number>>])[] = []
  scope(() => {
    observe(
      () => void body(),
      (path, name, x) => reads.push([`${path} ${name}`.trim(), x.shape, x.read()]),
      options,
    )
  })
  const notes = new Map<string, Noted[]>()
  for (const [name, shape, read] of reads) {
    notes.set(name, [...(notes.get(name) ?? []), { shape, data: await read }])
  }
  return notes
}

/**
 * The recurrence of both generations in float64, each channel or number of a head by itself: y, the last
 * state h, and exp(delta A). Resets are those of the noted mask; h begins with `start` everywhere.
 */
export function recurrence(
  parts: Readonly<Record<string, Noted>>,
  D: ArrayLike<number>,
  start: number,
): { y: number[]; h: number[]; decays: number[] } {
  const { ssm_input: x, delta, A, B: into, C: out, h: state, reset } = parts
  const [batch, length, width] = x.shape
  const N = state.shape.at(-1)!
  // Numbers that share a delta: one in Mamba-1, those of a head in Mamba-2.
  const shared = width / delta.shape[2]
  const groups = into.shape[2] / N
  const y = Array.from({ length: x.data.length }, () => 0)
  const h: number[] = []
  for (let b = 0; b < batch; b++) {
    for (let e = 0; e < width; e++) {
      const head = Math.floor(e / shared)
      const group = Math.floor((e * groups) / width)
      for (let n = 0; n < N; n++) {
        let value = start
        for (let t = 0; t < length; t++) {
          const row = b * length + t
          const a = A.data[A.shape.length === 2 ? e * N + n : head]
          const d = delta.data[row * (width / shared) + head]
          const place = (row * groups + group) * N + n
          if (reset.data[row] !== 0) value = 0
          value = Math.exp(d * a) * value + d * into.data[place] * x.data[row * width + e]
          y[row * width + e] += out.data[place] * value
          if (n === 0) y[row * width + e] += D[head] * x.data[row * width + e]
        }
        h.push(value)
      }
    }
  }
  const decays = Array.from(delta.data).flatMap((d, i) => {
    const e = i % delta.shape[2]
    const rates = A.shape.length === 2 ? Array.from(A.data).slice(e * N, (e + 1) * N) : [A.data[e]]
    return rates.map((a) => Math.exp(d * a))
  })
  return { y, h, decays }
}
