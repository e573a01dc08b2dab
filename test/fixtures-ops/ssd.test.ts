import { ssdFixtures } from '../suites/fixtures/ssd.ts'
import { testFamily } from './family.ts'

await testFamily('ssd', ssdFixtures('smallest'))
await testFamily('ssd', ssdFixtures('largest'))
