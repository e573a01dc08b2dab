import { dims } from '../../tensor/shape.ts'
import type { Arrays } from '../operation.ts'
import type { SampleInputs, SampleOutputs } from './types.ts'

export function sample(
  { logits, uniform, settings, seen }: Arrays<SampleInputs>,
  { tokens }: Arrays<SampleOutputs>,
): void {
  const [B, V] = dims(logits, 2)
  const [temperature, topK, topP, minP, penalty] = settings.data as unknown as [
    number,
    number,
    number,
    number,
    number,
  ]
  for (let b = 0; b < B; b++) {
    const row = logits.data.slice(b * V, (b + 1) * V)
    if (seen) penalise(row, seen.data.subarray(b * V, (b + 1) * V), penalty)
    tokens.data[b] = sampleRow(row, uniform.data[b], { temperature, topK, topP, minP })
  }
}

function penalise(row: Float64Array, seen: Float64Array, penalty: number): void {
  if (!(penalty > 0)) return
  for (let v = 0; v < row.length; v++) {
    if (seen[v] > 0) row[v] = row[v] > 0 ? row[v] / penalty : row[v] * penalty
  }
}

interface Settings {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
}

function sampleRow(row: Float64Array, u: number, { temperature, topK, topP, minP }: Settings): number {
  const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  if (!Number.isFinite(largest)) return -1
  if (row.length > 1 && row.every((x) => x === 0)) return -2
  if (!(temperature > 0)) return row.indexOf(largest)

  const order = Array.from(row.keys()).toSorted((a, b) => row[b] - row[a])
  /** exp(logit / temperature), as a part of the largest */
  const weights = row.map((x) => Math.exp((x - largest) / temperature))
  const keepFrom = (least: number): void => {
    for (let v = 0; v < row.length; v++) if (row[v] < least) weights[v] = 0
  }
  if (topK >= 1 && topK < row.length) keepFrom(row[order[Math.floor(topK) - 1]])
  if (topP < 1) {
    const goal = topP * sum(weights)
    let mass = 0
    const last = order.find((v) => (mass += weights[v]) >= goal) ?? order.at(-1)!
    keepFrom(row[last])
  }
  for (let v = 0; v < row.length; v++) if (weights[v] < minP && row[v] < largest) weights[v] = 0

  const goal = Math.max(u, 0) * sum(weights)
  let token = -1
  let before = 0
  for (let v = 0; v < row.length; v++) {
    if (weights[v] > 0 && before <= goal) token = v
    before += weights[v]
  }
  return token
}

const sum = (x: Float64Array): number => x.reduce((a, b) => a + b, 0)
