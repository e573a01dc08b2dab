/**
 * Operations as an engine among others: node scripts/run-ts.mjs bench/peers/engines/sidewinder-operations.ts
 * <device> <threads>
 */
import type { DeviceName } from '../../../src/devices/device.ts'
import { openDevice } from '../../../src/ops/open-device.ts'
import { matmul } from '../../../src/ops/matmul/op.ts'
import { selectiveScan } from '../../../src/ops/scan/op.ts'
import type { SelectiveScanInputs } from '../../../src/ops/scan/types.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { obey } from './lines.mjs'
import { operationOrders, type OperationName } from './operation-work.mjs'

const [name, threads] = process.argv.slice(2)
const device = await openDevice(name as DeviceName, { threads: Number(threads), software: true })

type Named = Readonly<Record<string, Tensor>>

/** Inputs of a scan that have a batch before their tokens: of one. */
const BATCHED = new Set(['u', 'delta', 'B', 'C', 'z'])

const product = ({ x, weight }: Named): Tensor => matmul({ a: x, b: weight }, { transposeB: true })
const CALLS: Readonly<Record<OperationName, (inputs: Named) => Tensor>> = {
  matmul: product,
  row: product,
  scan(inputs) {
    const { y, finalState } = selectiveScan(inputs as SelectiveScanInputs, { deltaSoftplus: true })
    finalState.dispose()
    return y
  },
}

const orders = operationOrders((operation, inputs) => {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [
      name,
      tensor(device, data, BATCHED.has(name) ? [1, ...shape] : shape),
    ]),
  )
  let y: Tensor | undefined
  return Promise.resolve({
    async run() {
      y?.dispose()
      y = CALLS[operation](tensors)
      await device.synchronize()
    },
    result: async () => (await y!.read()) as Float32Array,
    dispose() {
      for (const each of [y, ...Object.values(tensors)]) each?.dispose()
    },
  })
})
await obey(`Sidewinder, ${device.description}, Node ${process.versions.node}`, orders)
device.destroy()
