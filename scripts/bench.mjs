// Runs a benchmark by its name, with the GPU that tests use: npm run bench -- <name> [arguments]. Without a
// name, lists them all. A benchmark is a file of bench/ or bench/*/ whose second line is its command; its
// first line says what it measures.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { findGpu } from './gpu.mjs'

const [name, ...rest] = process.argv.slice(2)
const benchmarks = new Map(findBenchmarks().map((each) => [each.name, each]))
const chosen = benchmarks.get(name ?? '')

if (chosen) await run(chosen)
else {
  if (name !== undefined) console.error(`There is no benchmark ${name}. There are:\n`)
  const width = Math.max(...[...benchmarks.keys()].map((each) => each.length))
  for (const { name, measures } of benchmarks.values()) console.log(`${name.padEnd(width)}  ${measures}`)
  console.log(
    '\nnpm run bench -- <name> [arguments]: the first lines of its file say which arguments it takes',
  )
  process.exitCode = name === undefined ? 0 : 1
}

/**
 * @typedef {{ name: string, path: string, measures: string }} Benchmark
 * @returns {Benchmark[]}
 */
function findBenchmarks() {
  return readdirSync('bench', { recursive: true })
    .map((file) => `bench/${String(file).replaceAll('\\', '/')}`)
    .filter((path) => /\.(ts|mjs)$/.test(path) && !path.includes('node_modules'))
    .toSorted()
    .flatMap((path) => {
      const [first = '', second = ''] = readFileSync(path, 'utf8').split('\n', 2)
      const name = /npm run bench -- (\S+)/.exec(second)?.[1]
      return name === undefined ? [] : [{ name, path, measures: first.replace(/^\/\/ /, '') }]
    })
}

/** @param {Benchmark} benchmark */
async function run({ path }) {
  const { name: gpu, env, why } = await findGpu()
  console.error(`GPU: ${gpu ?? why}`)
  const command = path.endsWith('.ts') ? ['scripts/run-ts.mjs', path] : [path]
  const { status } = spawnSync(process.execPath, [...command, ...rest], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  process.exitCode = status ?? 1
}
