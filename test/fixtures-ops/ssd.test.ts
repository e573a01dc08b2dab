import { MOST_SIZES, ssdFixtures } from '../suites/fixtures/ssd.ts'
import { testFamily } from './family.ts'

for (let index = 0; index < MOST_SIZES; index++) await testFamily('ssd', ssdFixtures(index))
