/** metrics.jsonl: one JSON object a line, `{ step, loss, … }`. Node only. */
import { writeAtomically, writeError } from '../checkpoints/atomic.ts'
import { join, open, readFile, type FileHandle } from '../platform.ts'

export interface Metric {
  readonly step: number
  /** Training loss, in what the task measures. */
  readonly loss?: number
  readonly gradientNorm?: number
  readonly learningRate?: number
  /** Validation loss. */
  readonly validation?: number
  /** The task's metrics on the validation part. */
  readonly metrics?: Readonly<Record<string, number>>
}

const fileOf = (run: string): string => join(run, 'metrics.jsonl')

/** All complete lines; a line that a crash cut short is dropped. */
export async function readMetrics(run: string): Promise<Metric[]> {
  const text = await readFile(fileOf(run), 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => {
    try {
      const metric = JSON.parse(line) as Metric
      return typeof metric?.step === 'number' ? [metric] : []
    } catch {
      return []
    }
  })
}

/** The metrics of a run that goes on: in memory for the curve, and appended to the file. */
export class MetricsLog {
  readonly all: Metric[]
  readonly #path: string
  readonly #file: FileHandle
  readonly #onError: (error: Error) => void

  constructor(path: string, file: FileHandle, all: Metric[], onError: (error: Error) => void) {
    this.#onError = onError
    this.#path = path
    this.#file = file
    this.all = all
  }

  /**
   * Opens the file, and forgets what came after `step`: a resumed run writes it again. What cannot be
   * appended later is told to `onError`.
   */
  static async open(run: string, step: number, onError: (error: Error) => void): Promise<MetricsLog> {
    const path = fileOf(run)
    const kept = (await readMetrics(run)).filter((metric) => metric.step <= step)
    await writeAtomically(path, kept.map((metric) => `${JSON.stringify(metric)}\n`).join(''))
    const file = await open(path, 'a').catch((cause: unknown) => {
      throw writeError(cause, path)
    })
    return new MetricsLog(path, file, kept, onError)
  }

  async append(metric: Metric): Promise<void> {
    this.all.push(metric)
    await this.#writing(this.#file.appendFile(`${JSON.stringify(metric)}\n`))
  }

  /** Flushes to disk what was appended. */
  async flush(): Promise<void> {
    await this.#writing(this.#file.datasync())
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #writing(promise: Promise<void>): Promise<void> {
    await promise.catch((cause: unknown) => {
      this.#onError(writeError(cause, this.#path))
    })
  }
}
