/** metrics.jsonl: one JSON object a line, `{ step, loss, … }`. Node only. */
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from './files.ts'

export interface Metric {
  readonly step: number
  /** Training loss in nats a token. */
  readonly loss?: number
  readonly gradientNorm?: number
  readonly learningRate?: number
  /** Validation loss in nats a token. */
  readonly validation?: number
}

const fileOf = (run: string): string => join(run, 'metrics.jsonl')

export async function appendMetric(run: string, metric: Metric): Promise<void> {
  await appendFile(fileOf(run), `${JSON.stringify(metric)}\n`)
}

/** All complete lines; a line that a crash cut short is dropped. */
export async function readMetrics(run: string): Promise<Metric[]> {
  const text = await readFile(fileOf(run), 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as Metric]
    } catch {
      return []
    }
  })
}

/** Forgets what came after `step`: a resumed run writes it again. */
export async function truncateMetrics(run: string, step: number): Promise<void> {
  const kept = (await readMetrics(run)).filter((metric) => metric.step <= step)
  await writeAtomically(fileOf(run), kept.map((metric) => `${JSON.stringify(metric)}\n`).join(''))
}
