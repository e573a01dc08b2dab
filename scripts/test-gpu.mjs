// Every check on a GPU, those too that a default run leaves out: on the GPU of this machine, else on SwiftShader.
// npm run test:gpu [-- words in the paths of test files] [-t words in the names of tests]
// npm run test:gpu -- --bundle   writes .cache/gpu-checks.mjs: the checks without a test runner, for a machine that has Node, this
//                                repository and the package webgpu, and nothing else. There: node .cache/gpu-checks.mjs
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, renameSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { bundle } from './run-ts.mjs'

const { values, positionals } = parseArgs({
  options: { bundle: { type: 'boolean' }, testNamePattern: { type: 'string', short: 't' } },
  allowPositionals: true,
})

if (values.bundle) {
  renameSync(await bundle('test/gpu-checks.ts'), '.cache/gpu-checks.mjs')
  console.log('Wrote .cache/gpu-checks.mjs')
} else {
  const files = ['src', 'test'].flatMap(filesThatOpenGpus)
  const wanted = files.filter((path) => positionals.every((word) => path.includes(word)))
  if (wanted.length === 0)
    throw new Error(`no test file on a GPU has ${positionals.join(' and ')} in its path`)
  const named = values.testNamePattern === undefined ? [] : ['-t', values.testNamePattern]
  const { status } = spawnSync('npx', ['vitest', 'run', ...wanted, ...named], {
    stdio: 'inherit',
    env: { ...process.env, SIDEWINDER_TEST_ALSO: 'gpu', SIDEWINDER_TEST_DEVICES: 'webgpu' },
  })
  process.exitCode = status ?? 1
}

/** @param {string} folder */
function filesThatOpenGpus(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => `${folder}/${String(name).replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => /testDevices|openTestGpu|whyNoGpu/.test(readFileSync(path, 'utf8')))
}
