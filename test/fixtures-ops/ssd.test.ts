import { MOST_SIZES, ssdFixtures } from '../suites/fixtures/ssd.ts'
import { testFamily } from './family.ts'

await testFamily('ssd', ...Array.from({ length: MOST_SIZES }, (_, index) => ssdFixtures(index)))
