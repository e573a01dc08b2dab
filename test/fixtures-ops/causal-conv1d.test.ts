import { causalConv1dFixtures } from '../suites/fixtures/causal-conv1d.ts'
import { testFamily } from './family.ts'

await testFamily('causal_conv1d', causalConv1dFixtures)
