/**
 * Where the time of a recorded launch list goes on WebGPU: each launch in a pass of its own, between two
 * timestamps.
 */
import type { LaunchList } from '../../src/devices/device.ts'
import type { WebGpuDevice } from '../../src/devices/webgpu/device.ts'
import type { CompiledLaunch } from '../../src/devices/webgpu/encode.ts'

export interface KernelTime {
  readonly name: string
  readonly launches: number
  readonly milliseconds: number
}

/** Bytes of a timestamp; a query set holds at most 4,096 of them. */
const STAMP = 8
const MOST_LAUNCHES = 2048
/** The list is run so often; of each launch, the least time counts. */
const RUNS = 5

/** Kernels by the time that they take, longest first. */
export async function profile(device: WebGpuDevice, list: LaunchList): Promise<KernelTime[]> {
  const { compiled } = list as LaunchList & { readonly compiled: readonly CompiledLaunch[] }
  await device.synchronize()
  const least = compiled.map(() => Infinity)
  for (let run = 0; run < RUNS; run++) {
    for (let first = 0; first < compiled.length; first += MOST_LAUNCHES) {
      const times = await timed(device.gpu, compiled.slice(first, first + MOST_LAUNCHES))
      for (const [i, time] of times.entries()) least[first + i] = Math.min(least[first + i], time)
    }
  }
  const byName = new Map<string, { launches: number; milliseconds: number }>()
  for (const [i, { pipeline, x, y, z }] of compiled.entries()) {
    const name = `${pipeline.label} [${x}, ${y}, ${z}]`
    const { launches, milliseconds } = byName.get(name) ?? { launches: 0, milliseconds: 0 }
    byName.set(name, { launches: launches + 1, milliseconds: milliseconds + least[i] })
  }
  return [...byName]
    .map(([name, time]) => ({ name, ...time }))
    .toSorted((a, b) => b.milliseconds - a.milliseconds)
}

export function printProfile(title: string, kernels: readonly KernelTime[], most = 12): void {
  const sum = kernels.reduce((all, { milliseconds }) => all + milliseconds, 0)
  const count = kernels.reduce((all, { launches }) => all + launches, 0)
  console.log(`\n${title}: ${count} launches, ${sum.toFixed(2)} ms in kernels`)
  for (const { name, launches, milliseconds } of kernels.slice(0, most)) {
    const share = ((100 * milliseconds) / sum).toFixed(1).padStart(5)
    const each = ((1000 * milliseconds) / launches).toFixed(1).padStart(8)
    console.log(`  ${share} %  ${each} µs × ${String(launches).padEnd(4)} ${name}`)
  }
}

/** Milliseconds of each launch. */
async function timed(gpu: GPUDevice, launches: readonly CompiledLaunch[]): Promise<number[]> {
  const bytes = 2 * STAMP * launches.length
  const querySet = gpu.createQuerySet({ type: 'timestamp', count: 2 * launches.length })
  const resolved = gpu.createBuffer({ size: bytes, usage: 0x0204 })
  const staging = gpu.createBuffer({ size: bytes, usage: 0x0009 })
  const encoder = gpu.createCommandEncoder()
  for (const [i, { pipeline, group, x, y, z }] of launches.entries()) {
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 }
    const pass = encoder.beginComputePass({ timestampWrites })
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(x, y, z)
    pass.end()
  }
  encoder.resolveQuerySet(querySet, 0, 2 * launches.length, resolved, 0)
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes)
  gpu.queue.submit([encoder.finish()])
  await staging.mapAsync(1)
  const stamps = new BigUint64Array(staging.getMappedRange().slice(0))
  staging.destroy()
  resolved.destroy()
  querySet.destroy()
  return launches.map((_, i) => Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6)
}
