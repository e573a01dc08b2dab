import { rmsNormFixtures } from '../suites/fixtures/rms-norm.ts'
import { testFamily } from './family.ts'

await testFamily('rms_norm', rmsNormFixtures)
