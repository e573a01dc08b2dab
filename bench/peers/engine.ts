/** An engine in a process of its own, which stays alive and takes orders: see lines.mjs. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { MARK } from './engines/lines.mjs'
import type { OperationName } from './engines/operation-work.mjs'

/** What an engine did: tokens drawn, and seconds to the first of them and from there to the last. */
export interface Generated {
  readonly tokens: readonly number[]
  readonly prefill: number
  readonly decode: number
}

/** What an engine did in some training steps. */
export interface Trained {
  readonly losses: readonly number[]
  readonly seconds: number
}

/** Tokens of a training step, row after row, and what follows each. */
export type TrainingBatch = Readonly<Record<'tokens' | 'labels', readonly number[]>>

type Answer = Readonly<Record<string, unknown>> & { readonly error?: string }

export class Engine {
  readonly name: string
  description = ''
  readonly #command: readonly string[]
  readonly #limit: number
  #child!: ChildProcess
  #answers!: AsyncIterator<string>
  #chatter = ''
  #gone = false

  private constructor(name: string, command: readonly string[], limit: number) {
    this.name = name
    this.#command = command
    this.#limit = limit
  }

  /**
   * `limit`: seconds that an answer may take.
   * @throws Error with the last lines that the process wrote, if it ends instead of answering
   */
  static async start(name: string, command: readonly string[], limit: number): Promise<Engine> {
    const engine = new Engine(name, command, limit)
    await engine.#spawn()
    return engine
  }

  /** Opens a model, in a new process if the last one is gone. */
  async open(path: string): Promise<void> {
    await this.#revive()
    await this.#give({ order: 'open', path })
  }

  async run(prompt: readonly number[], count: number): Promise<Generated> {
    return (await this.#give({ order: 'run', prompt, count })) as unknown as Generated
  }

  /** A training step for each batch of `rows` sequences. */
  async train(batches: readonly TrainingBatch[], rows: number, rate: number): Promise<Trained> {
    return (await this.#give({ order: 'train', batches, rows, rate })) as unknown as Trained
  }

  /** Gets an operation ready, in a new process if the last one is gone, and resolves to its result. */
  async prepare(operation: OperationName): Promise<Float32Array> {
    await this.#revive()
    const bytes = Buffer.from(String((await this.#give({ order: 'prepare', operation }))['y']), 'base64')
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  }

  /** Runs the operation so many times; seconds of one. */
  async repeat(count: number): Promise<{ readonly seconds: number }> {
    return (await this.#give({ order: 'repeat', count })) as unknown as { seconds: number }
  }

  /** Sidewinder only: how far apart the logits of two tokens are after others, over the largest logit. */
  async margin(tokens: readonly number[], pair: readonly [number, number]): Promise<number> {
    return Number((await this.#give({ order: 'margin', tokens, pair }))['margin'])
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin!.end()
    await ended
  }

  async #revive(): Promise<void> {
    if (!this.#gone) return
    await this.close()
    await this.#spawn()
  }

  async #spawn(): Promise<void> {
    const [command = '', ...args] = this.#command
    this.#gone = false
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.on('error', (error) => (this.#chatter += String(error)))
    this.#child.stdin!.on('error', (error) => (this.#chatter += String(error)))
    this.#child.stderr!.on('data', (data) => (this.#chatter = `${this.#chatter}${data}`.slice(-4000)))
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
    this.description = String((await this.#answer())['description'])
  }

  async #give(order: object): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`)
    return this.#answer()
  }

  /** @throws Error after the limit; the process is told to end */
  async #answer(): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#gone = true
        this.#child.kill()
        reject(new Error(`${this.name}: no answer in ${this.#limit} s`))
      }, 1000 * this.#limit)
    })
    try {
      return await Promise.race([this.#read(), late])
    } finally {
      clearTimeout(timer)
    }
  }

  async #read(): Promise<Answer> {
    for (;;) {
      const { value, done } = await this.#answers.next()
      if (done) {
        this.#gone = true
        throw new Error(`${this.name} ended: ${this.#chatter.trim().split('\n').slice(-6).join('\n')}`)
      }
      if (!value.startsWith(MARK)) continue
      const answer = JSON.parse(value.slice(MARK.length)) as Answer
      if (answer.error !== undefined) throw new Error(`${this.name}: ${answer.error}`)
      return answer
    }
  }
}
