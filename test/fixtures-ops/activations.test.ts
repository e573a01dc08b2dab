import { activationFixtures } from '../suites/fixtures/activations.ts'
import { testFamily } from './family.ts'

await testFamily('activations', activationFixtures)
