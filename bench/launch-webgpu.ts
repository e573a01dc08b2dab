// What the host pays for a launch on WebGPU: through an operation, compiled again, and replayed.
// npm run bench -- launch-webgpu
// The kernels touch 64 elements each.
import { activation } from '../src/ops/activation/op.ts'
import { activation as activationKernel } from '../src/ops/activation/webgpu/launch.ts'
import { openDevice } from '../src/ops/open-device.ts'
import { scope } from '../src/tensor/scope.ts'
import { empty, tensor, type Tensor } from '../src/tensor/tensor.ts'

const LAUNCHES = 500
const device = await openDevice('webgpu', { software: true })
console.log(device.description)

const x = tensor(device, new Float32Array(64))
const y = empty(device, [64])
const scratch = (): Tensor => y
const chain = (): void => {
  scope(() => {
    let h = x
    for (let i = 0; i < LAUNCHES; i++) h = activation(h, 'silu')
  })
}
const launches = (): void => {
  for (let i = 0; i < LAUNCHES; i++) {
    device.run(activationKernel({ inputs: { x }, outputs: { y }, params: { kind: 'silu' }, device, scratch }))
  }
}
const list = device.record(launches)

await measure('an operation: shapes, memory, launch', chain)
await measure('a launch, compiled again', launches)
await measure('a launch, replayed', () => device.replay(list))
device.destroy()

async function measure(name: string, body: () => void): Promise<void> {
  const host: number[] = []
  const all: number[] = []
  for (let i = 0; i < 200; i++) {
    const start = performance.now()
    body()
    const returned = performance.now()
    await device.synchronize()
    host.push(((returned - start) * 1000) / LAUNCHES)
    all.push(((performance.now() - start) * 1000) / LAUNCHES)
  }
  console.log(
    `${name.padEnd(40)} ${at(host, 0.1)} µs (a tenth), ${at(host, 0.5)} (half); with the GPU's work ${at(all, 0.5)}`,
  )
}

/** Sorted, the time that a share of the runs is below. */
function at(times: readonly number[], share: number): string {
  return times.toSorted((a, b) => a - b)[Math.floor(share * times.length)].toFixed(2)
}
