/** Servers of other programs, for as long as a test needs them. */
import { spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { plainEnvironment } from './tools.ts'

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Runs a server while `body` runs, from when it answers at `url`. Resolves to what it printed. */
export async function serving(
  command: string,
  args: readonly string[],
  cwd: string,
  url: string,
  body: () => Promise<void>,
): Promise<string> {
  const child = spawn(command, args, { cwd, env: plainEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (printed += String(data)))
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  try {
    while (!(await fetch(url).catch(() => undefined))) {
      if (child.exitCode !== null) throw new Error(`the server ended: ${printed}`)
      await sleep(50)
    }
    await body()
  } finally {
    child.kill()
    await ended
  }
  return printed
}
