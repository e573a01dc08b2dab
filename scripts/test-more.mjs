// Tests that a default run leaves out.
// npm run test:gpu [-- words in the paths of test files] [-t words in the names of tests]
//   every check on a GPU: on that of this machine, else on SwiftShader
// npm run test:gpu -- --bundle
//   writes .cache/gpu-checks.mjs, the checks without a test runner: for a machine that has Node, this
//   repository and the package webgpu, and nothing else. There: node .cache/gpu-checks.mjs
// npm run test:long [-- arguments of vitest]
//   all tests, with those that look for rare faults by trying the same thing many times
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, renameSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { bundle } from './run-ts.mjs'

const [extent, ...rest] = process.argv.slice(2)
if (extent === 'long') vitest(rest, {})
else if (rest.includes('--bundle')) {
  renameSync(await bundle('test/gpu-checks.ts', /^(?!node:|webgpu$)/), '.cache/gpu-checks.mjs')
  console.log('Wrote .cache/gpu-checks.mjs')
} else testOnGpu()

function testOnGpu() {
  const options = /** @type {const} */ ({ testNamePattern: { type: 'string', short: 't' } })
  const { values, positionals } = parseArgs({ args: rest, options, allowPositionals: true })
  const files = ['src', 'test'].flatMap(filesOnGpus)
  const wanted = files.filter((path) => positionals.every((word) => path.includes(word)))
  if (wanted.length === 0)
    throw new Error(`no test file on a GPU has ${positionals.join(' and ')} in its path`)
  const named = values.testNamePattern === undefined ? [] : ['-t', values.testNamePattern]
  vitest([...wanted, ...named], { SIDEWINDER_TEST_DEVICES: 'webgpu' })
}

/**
 * @param {string[]} args
 * @param {Record<string, string>} env
 */
function vitest(args, env) {
  const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], {
    stdio: 'inherit',
    env: { ...process.env, SIDEWINDER_TEST_ALSO: extent, ...env },
  })
  process.exitCode = status ?? 1
}

/** @param {string} folder */
function filesOnGpus(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => `${folder}/${String(name).replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => /testDevices|openTestGpu|whyNoGpu/.test(readFileSync(path, 'utf8')))
}
