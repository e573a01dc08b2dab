/** metrics.jsonl: one JSON object a line, `{ step, loss, …, crc32 }`. Node only. */
import { writeAtomically, writeError } from '../checkpoints/atomic.ts'
import { CheckpointError } from '../errors.ts'
import { join, open, readFile, type FileHandle } from '../platform.ts'
import { jsonOf, sealed, unsealed } from './json.ts'

const LEFT_OUT = 'The line is left out of the curve'

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

/** A line of the file; lines of before have no checksum. */
const lineOf = (metric: Metric): string => `${JSON.stringify(sealed(metric))}\n`

/**
 * All lines that are whole. The last one may be cut short by a crash; of others that are damaged, `onError`
 * is told.
 */
export async function readMetrics(
  run: string,
  onError: (error: Error) => void = () => {},
): Promise<Metric[]> {
  const path = fileOf(run)
  const text = await readFile(path, 'utf8').catch(() => '')
  const lines = text.split('\n')
  return lines.flatMap((line, i) => {
    try {
      const where = `${path}: line ${i + 1}`
      const metric = unsealed(jsonOf(line, where, CheckpointError), where, LEFT_OUT) as Metric
      if (typeof metric?.step === 'number') return [metric]
      throw new CheckpointError('not the metrics of a step', { where, hint: LEFT_OUT })
    } catch (error) {
      if (i < lines.length - 1) onError(error as Error)
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
   * appended later is told to `onError`; lines that are damaged and left out, to `onDamage`.
   */
  static async open(
    run: string,
    step: number,
    onError: (error: Error) => void,
    onDamage: (error: Error) => void,
  ): Promise<MetricsLog> {
    const path = fileOf(run)
    const kept = (await readMetrics(run, onDamage)).filter((metric) => metric.step <= step)
    await writeAtomically(path, kept.map(lineOf).join(''))
    const file = await open(path, 'a').catch((cause: unknown) => {
      throw writeError(cause, path)
    })
    return new MetricsLog(path, file, kept, onError)
  }

  async append(metric: Metric): Promise<void> {
    this.all.push(metric)
    await this.#writing(this.#file.appendFile(lineOf(metric)))
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
