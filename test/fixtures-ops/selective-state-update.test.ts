import { selectiveStateUpdateFixtures } from '../suites/fixtures/selective-state-update.ts'
import { testFamily } from './family.ts'

await testFamily('selective_state_update', selectiveStateUpdateFixtures)
