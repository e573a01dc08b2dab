// All tests, with some that a default run leaves out: node scripts/test-also.mjs gpu|long|gpu,long [arguments for vitest]
import { spawnSync } from 'node:child_process'

const [also, ...rest] = process.argv.slice(2)
const { status } = spawnSync('npx', ['vitest', 'run', ...rest], {
  stdio: 'inherit',
  env: { ...process.env, SIDEWINDER_TEST_ALSO: also },
})
process.exit(status ?? 1)
