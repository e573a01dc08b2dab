import { test } from 'vitest'
import { testDevices } from '../devices.ts'
import { ltiChecks } from '../suites/lti-forms.ts'

testDevices('linear time-invariant systems', (device) => {
  for (const check of ltiChecks) test(check.name, () => check.run(device()), 60_000)
})
