import { describe, test } from 'vitest'
import { openDevice } from '../../src/ops/open-device.ts'
import { operationCases } from '../../src/ops/table.ts'
import { finiteDifferenceChecks } from '../suites/operations.ts'

const reference = await openDevice('reference')

describe('reference gradients against finite differences', () => {
  for (const set of operationCases) {
    for (const check of finiteDifferenceChecks(set)) test(check.name, () => check.run(reference))
  }
})
