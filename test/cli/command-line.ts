/** The command line in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { bundle } from '../../scripts/run-ts.mjs'

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  /** Resolves when the output so far matches, or ends. */
  seen(pattern: RegExp): Promise<void>
}

export interface CommandLine {
  /** The bundled program. */
  readonly file: string
  start(...args: string[]): Running
  run(...args: string[]): Promise<Finished>
  /** Runs it with a text on standard input. */
  feed(input: string, ...args: string[]): Promise<Finished>
  /** Removes the bundle. */
  remove(): Promise<void>
}

/** Bundles the command line as it is in `src`, without a build of the package. */
export async function commandLine(): Promise<CommandLine> {
  const file: string = await bundle('src/cli/main.ts')
  const env = { ...process.env, NO_COLOR: '1', DEBUG: '' }
  const start = (...args: string[]): Running => {
    const child = spawn(process.execPath, [file, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    const waiting = new Set<() => void>()
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString()
      for (const check of waiting) check()
    })
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
    const finished = once(child, 'close').then(([code, signal]) => {
      for (const check of waiting) check()
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, stdout, stderr }
    })
    const seen = (pattern: RegExp): Promise<void> =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!pattern.test(stdout) && child.exitCode === null && child.signalCode === null) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      })
    return { child, finished, seen }
  }
  const feed = (input: string, ...args: string[]): Promise<Finished> => {
    const { child, finished } = start(...args)
    child.stdin!.end(input)
    return finished
  }
  return { file, start, run: (...args) => feed('', ...args), feed, remove: () => rm(file) }
}
