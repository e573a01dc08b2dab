// Many mutated inputs for every reader of files: npm run fuzz [-- inputs-for-each-reader [seed]]
import { spawnSync } from 'node:child_process'

const [inputs = '30000', seed = '1'] = process.argv.slice(2)
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'node', 'test/fuzz.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, SIDEWINDER_FUZZ_INPUTS: inputs, SIDEWINDER_FUZZ_SEED: seed },
})
process.exit(status ?? 1)
