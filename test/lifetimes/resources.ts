/** What a process holds: threads, files, memory. Node on Linux only. */
import { readdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Held {
  readonly threads: number
  readonly files: number
  /** Resident memory of the process. */
  readonly bytes: number
}

export const canCount = process.platform === 'linux'

function heldNow(): Held {
  return {
    threads: readdirSync('/proc/self/task').length,
    files: readdirSync('/proc/self/fd').length,
    bytes: process.memoryUsage().rss,
  }
}

let collect: (() => void) | undefined

/** Collects what nothing refers to, and lets what waits for that run. */
export async function collected(): Promise<void> {
  if (!collect) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  // What one round lets go of may have held something else.
  for (let round = 0; round < 3; round++) {
    collect()
    await wait(5)
  }
}

/** What is held when threads have ended: at most `most`, or what is left after a while. */
export async function heldSettled(most?: Held): Promise<Held> {
  for (let tries = 0; ; tries++) {
    await collected()
    const held = heldNow()
    const settled = most && held.threads <= most.threads && held.files <= most.files
    if (settled || tries >= (most ? 100 : 1)) return held
  }
}
