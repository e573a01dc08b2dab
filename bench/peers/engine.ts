/** An engine in a process of its own, which stays alive and takes orders: see lines.mjs. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { MARK } from './lines.mjs'

/** What an engine did: tokens drawn, and seconds to the first of them and from there to the last. */
export interface Generated {
  readonly tokens: readonly number[]
  readonly prefill: number
  readonly decode: number
}

type Answer = Readonly<Record<string, unknown>> & { readonly error?: string }

export class Engine {
  readonly name: string
  description = ''
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>
  #chatter = ''

  private constructor(name: string, [command = '', ...args]: readonly string[]) {
    this.name = name
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.on('error', (error) => (this.#chatter += String(error)))
    this.#child.stdin!.on('error', (error) => (this.#chatter += String(error)))
    this.#child.stderr!.on('data', (data) => (this.#chatter = `${this.#chatter}${data}`.slice(-4000)))
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  /** @throws Error with the last lines that the process wrote, if it ends instead of answering */
  static async start(name: string, command: readonly string[]): Promise<Engine> {
    const engine = new Engine(name, command)
    engine.description = String((await engine.#answer())['description'])
    return engine
  }

  async open(path: string): Promise<void> {
    await this.#give({ order: 'open', path })
  }

  async run(prompt: readonly number[], count: number): Promise<Generated> {
    return (await this.#give({ order: 'run', prompt, count })) as unknown as Generated
  }

  /** Sidewinder only: how far apart the logits of two tokens are after others, over the largest logit. */
  async margin(tokens: readonly number[], pair: readonly [number, number]): Promise<number> {
    return Number((await this.#give({ order: 'margin', tokens, pair }))['margin'])
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin!.end()
    await ended
  }

  async #give(order: object): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`)
    return this.#answer()
  }

  async #answer(): Promise<Answer> {
    for (;;) {
      const { value, done } = await this.#answers.next()
      if (done)
        throw new Error(`${this.name} ended: ${this.#chatter.trim().split('\n').slice(-6).join('\n')}`)
      if (!value.startsWith(MARK)) continue
      const answer = JSON.parse(value.slice(MARK.length)) as Answer
      if (answer.error !== undefined) throw new Error(`${this.name}: ${answer.error}`)
      return answer
    }
  }
}
