/**
 * Specialisations of kernels: a kernel with its constants and with or without each optional binding, which a GPU compiles each
 * on its own. Compiling is nearly all that a check costs on a software adapter. So a default run takes as few checks as
 * launch every specialisation; they are found here, by starting all checks on a device that only takes notes.
 */
import type { AnyDevice } from '../../src/devices/device.ts'
import { textOf } from '../../src/devices/webgpu/header.ts'
import type { WebGpuLaunch } from '../../src/devices/webgpu/kernel.ts'
import type { StartingCheck } from './check.ts'

/** The name of a kernel for the text of each of its specialisations. */
export type Specialisations = ReadonlyMap<string, string>

const specialisationsOf = (launches: readonly WebGpuLaunch[]): Specialisations =>
  new Map(launches.map((launch) => [textOf(launch), launch.kernel.name]))

/** What `body` launches on a WebGPU device. Nothing of it runs. */
function notedLaunches(device: AnyDevice, body: () => void): Specialisations {
  const launches: WebGpuLaunch[] = []
  withRun(device, (some: readonly WebGpuLaunch[]) => void launches.push(...some), body)
  return specialisationsOf(launches)
}

/** What `body` launches on a WebGPU device, which runs it. */
export async function watchedLaunches(
  device: AnyDevice,
  body: () => Promise<void>,
): Promise<Specialisations> {
  const launches: WebGpuLaunch[] = []
  const run = device.run.bind(device)
  const watched = (some: readonly WebGpuLaunch[]): void => {
    launches.push(...some)
    run(some)
  }
  await withRun(device, watched, body)
  return specialisationsOf(launches)
}

/** Runs `body` while the device has another `run`, until `body` is done or its promise is settled. */
function withRun<T>(device: AnyDevice, run: AnyDevice['run'], body: () => T): T {
  const restore = (): void => void Reflect.deleteProperty(device, 'run')
  Object.defineProperty(device, 'run', { value: run, configurable: true })
  let result: T
  try {
    result = body()
  } catch (error) {
    restore()
    throw error
  }
  if (result instanceof Promise) return result.finally(restore) as T
  restore()
  return result
}

/** What each check launches. */
export const launchesOfChecks = <C extends StartingCheck>(
  device: AnyDevice,
  checks: readonly C[],
): Map<C, Specialisations> =>
  new Map(checks.map((check) => [check, notedLaunches(device, () => check.start(device))]))

/**
 * Checks that together have every key that any check has. Greedy: again and again the check with the most keys that are still
 * missing; of equals, the one with the fewest keys.
 */
export function covering<C>(keysOf: ReadonlyMap<C, ReadonlySet<string>>): Set<C> {
  const missing = new Set([...keysOf.values()].flatMap((keys) => [...keys]))
  const chosen = new Set<C>()
  while (missing.size > 0) {
    let best: { readonly check: C; readonly fresh: number; readonly size: number } | undefined
    for (const [check, keys] of keysOf) {
      const fresh = [...keys].filter((key) => missing.has(key)).length
      if (fresh === 0) continue
      if (!best || fresh > best.fresh || (fresh === best.fresh && keys.size < best.size))
        best = { check, fresh, size: keys.size }
    }
    chosen.add(best!.check)
    for (const key of keysOf.get(best!.check)!) missing.delete(key)
  }
  return chosen
}
