/** A check without a test runner, so that Node, pages and machines with little but a GPU run the same. */
import type { AnyDevice } from '../../src/devices/device.ts'

export interface Check {
  readonly name: string
  /** Rejects if the device does not give what it should. */
  run(device: AnyDevice): Promise<void>
}

/** A check that can start its operations without waiting for their results. */
export interface StartingCheck extends Check {
  start(device: AnyDevice): void
}
