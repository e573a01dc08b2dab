import { describe, test } from 'vitest'
import { ReferenceDevice } from '../../src/devices/reference/device.ts'
import { operationCases } from '../../src/ops/table.ts'
import { finiteDifferenceChecks } from '../suites/operations.ts'

describe('reference gradients against finite differences', () => {
  for (const set of operationCases) {
    for (const check of finiteDifferenceChecks(set)) test(check.name, () => check.run(new ReferenceDevice()))
  }
})
