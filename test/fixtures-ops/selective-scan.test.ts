import { selectiveScanFixtures } from '../suites/fixtures/selective-scan.ts'
import { testFamily } from './family.ts'

await testFamily('selective_scan', selectiveScanFixtures)
