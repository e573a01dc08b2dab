import { test } from 'vitest'
import { testDevices } from '../devices.ts'
import { ltiChecks } from '../suites/lti-forms.ts'

testDevices('linear time-invariant systems', (device, repeats) => {
  for (const [i, check] of ltiChecks.entries())
    test(check.name, i === 0 ? {} : repeats, () => check.run(device()))
})
