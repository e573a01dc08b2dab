import { bundled } from '../scripts/chromium.mjs'
import { findGpu } from '../scripts/gpu.mjs'

/** Runs once, before the workers that inherit this environment start. */
export default async function setup(): Promise<void> {
  const { name, software, env, why } = await findGpu()
  Object.assign(process.env, env)
  if (why) process.env['SIDEWINDER_NO_GPU'] = why
  if (software) process.env['SIDEWINDER_TEST_SOFTWARE'] = '1'
  console.log(why ? `GPU: ${why}, so tests that need WebGPU are skipped` : `GPU: ${name}`)
  if (!bundled) console.log('Chromium: not for this platform, so browser tests are skipped')
}
