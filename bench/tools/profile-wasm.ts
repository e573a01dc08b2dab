/** Where time goes on WASM. */
import type { AnyDevice, LaunchList } from '../../src/devices/device.ts'
import type { WasmLaunch } from '../../src/devices/wasm/launch.ts'

/**
 * Runs the launches of `body` one by one, and prints the time that each kernel takes. What was recorded is
 * computed anew.
 */
export async function profileWasm(
  device: AnyDevice,
  title: string,
  rounds: number,
  body: () => unknown,
): Promise<void> {
  const times = new Map<string, { count: number; best: number[] }>()
  const run = device.run.bind(device)
  const record = device.record.bind(device)
  const replay = device.replay.bind(device)
  const bodies = new Map<LaunchList, () => void>()
  for (let round = 0; round <= rounds; round++) {
    let place = 0
    device.run = (launches: readonly WasmLaunch[]): void => {
      for (const launch of launches) {
        void device.synchronize()
        const start = performance.now()
        run([launch])
        // In Node, this waits.
        void device.synchronize()
        note(labelOf(launch), round, place++, performance.now() - start)
      }
    }
    device.record = (recorded) => {
      const list = { length: 0 }
      bodies.set(list, recorded)
      recorded()
      return list
    }
    device.replay = (list) => bodies.get(list)?.()
    await body()
  }
  Object.assign(device, { run, record, replay })
  console.log(`\n${title}, each launch on its own, fastest of ${rounds}`)
  const rows = [...times].map(([kernel, { best, count }]) => {
    return { kernel, count, ms: best.reduce((sum, each) => sum + each, 0) }
  })
  const all = rows.reduce((sum, { ms }) => sum + ms, 0)
  for (const { kernel, count, ms } of rows.toSorted((a, b) => b.ms - a.ms)) {
    if (ms < all / 500) continue
    const share = `${((100 * ms) / all).toFixed(1)} %`
    console.log(
      `${kernel.padEnd(60)}${String(count).padStart(5)}${ms.toFixed(3).padStart(10)} ms${share.padStart(8)}`,
    )
  }
  console.log(`${'all'.padEnd(65)}${all.toFixed(3).padStart(10)} ms`)

  function note(kernel: string, round: number, place: number, ms: number): void {
    const row = times.get(kernel) ?? { count: 0, best: [] }
    times.set(kernel, row)
    if (round === 0) row.count++
    row.best[place] = Math.min(row.best[place] ?? Number.POSITIVE_INFINITY, ms)
  }
}

/** A kernel, and of products their sizes. */
function labelOf({ kernel, args }: WasmLaunch): string {
  const sizes = (['M', 'N', 'K'] as const)
    .filter((size) => size in args)
    .map((size) => `${size} ${args[size] as number}`)
  return [kernel, ...sizes].join(' ')
}
