import { ltiDiagonalFixtures } from '../suites/fixtures/lti-diagonal.ts'
import { testFamily } from './family.ts'

await testFamily('lti_diagonal', ltiDiagonalFixtures('recurrence'), ltiDiagonalFixtures('convolution'))
