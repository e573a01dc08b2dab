// Runs a script with the GPU that tests use: node scripts/with-gpu.mjs <script> [arguments]
import { spawnSync } from 'node:child_process'
import { findGpu } from './gpu.mjs'

const { name, env, why } = await findGpu()
console.error(`GPU: ${name ?? why}`)
const { status } = spawnSync(process.execPath, process.argv.slice(2), {
  stdio: 'inherit',
  env: { ...process.env, ...env },
})
process.exit(status ?? 1)
