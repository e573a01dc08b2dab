// Which GPU tests and benchmarks run on: the one of this machine, else SwiftShader on Linux x64.
// SIDEWINDER_TEST_GPU=software takes SwiftShader in any case, =none leaves the GPU out.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundled, unpack } from './chromium.mjs'

/**
 * @typedef {object} Found
 * @property {string} [name]
 * @property {Record<string, string>} env A process must start with it: the loader reads LD_LIBRARY_PATH only then.
 * @property {boolean} [software] Whether it computes on the CPU.
 * @property {string} [why] Why there is none.
 */

/** @returns {Promise<Found>} */
export async function findGpu() {
  const wanted = process.env['SIDEWINDER_TEST_GPU'] ?? 'auto'
  if (wanted === 'none') return { env: {}, why: 'left out by SIDEWINDER_TEST_GPU=none' }
  const own = wanted === 'software' ? undefined : adapterUnder({})
  if (own && !(own.software && bundled)) return { name: own.name, software: own.software, env: {} }
  if (!bundled) return { env: {}, why: 'no adapter found' }
  const folder = await unpack('swiftshader')
  const env = {
    VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
    LD_LIBRARY_PATH: [folder, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':'),
  }
  const software = adapterUnder(env)
  return software
    ? { name: software.name, software: true, env }
    : { env: {}, why: 'SwiftShader does not start here' }
}

const probe = fileURLToPath(new URL('probe-gpu.mjs', import.meta.url))

/**
 * @param {Record<string, string>} env
 * @returns {{ name: string, software: boolean } | undefined}
 */
function adapterUnder(env) {
  try {
    const options = { env: { ...process.env, ...env }, timeout: 30_000 }
    return JSON.parse(
      execFileSync(process.execPath, [probe], { ...options, stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
    )
  } catch {
    return undefined
  }
}
