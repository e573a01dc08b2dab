// Compiles the kernels (the exported functions of src/ops/**/*.as.ts) and the run loop into one WebAssembly module, for
// base and for relaxed SIMD, and writes src/devices/wasm/generated. Does nothing if its inputs are unchanged.
import { main as compileAssembly } from 'assemblyscript/asc'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { checkModule, compilerArguments, findKernels } from './wasm-kernels.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const generated = 'src/devices/wasm/generated'
const entry = 'src/devices/wasm/kernels/engine.as.ts'
const worker = 'src/devices/wasm/thread.ts'
const builds = { base: 'simd,threads', relaxed: 'simd,threads,relaxed-simd' }

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildKernels()
  } catch (error) {
    console.error(`build:wasm: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(1)
  }
}

/** Builds the kernels, unless those that are there were built from the same sources. Rejects if a source does not compile. */
export async function buildKernels() {
  const kernelFiles = [...find('src/ops'), ...find('src/devices/wasm/kernels')]
  const sources = new Map([...kernelFiles, [worker, readFileSync(join(root, worker), 'utf8')]])
  const hash = createHash('sha256')
  for (const part of [
    'scripts/build-wasm.mjs',
    'scripts/wasm-kernels.mjs',
    'node_modules/assemblyscript/package.json',
  ]) {
    hash.update(readFileSync(join(root, part)))
  }
  for (const [path, text] of sources) hash.update(`\0${path}\0${text}`)
  const stamp = hash.digest('hex')
  if (read(`${generated}/stamp`) === stamp) return

  const start = performance.now()
  const kernels = [...sources]
    .filter(([path]) => path.startsWith('src/ops/'))
    .flatMap(([path, text]) => findKernels(path, text))
  const seen = new Map()
  for (const { name, path } of kernels) {
    if (seen.has(name)) throw new Error(`two kernels are named ${name}: in ${seen.get(name)} and in ${path}`)
    seen.set(name, path)
  }

  write(`${generated}/dispatch.as.ts`, dispatcher(kernels))
  write(`${generated}/kernels.ts`, table(kernels))
  write(
    `${generated}/thread.ts`,
    `export const source = ${JSON.stringify(script(sources.get(worker) ?? ''))}\n`,
  )
  const sizes = []
  for (const [name, features] of Object.entries(builds)) {
    const bytes = await compile(entry, features, `${generated}/${name}.wasm`)
    const fault = checkModule(bytes)
    if (fault) throw new Error(`${fault}, from ${(await blame(sources, features)) ?? 'an unknown file'}`)
    write(`${generated}/${name}.ts`, `export const bytes =\n  '${Buffer.from(bytes).toString('base64')}'\n`)
    sizes.push(`${name} ${(bytes.length / 1024).toFixed(1)} KB`)
  }
  write(`${generated}/stamp`, stamp)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`build:wasm: ${kernels.length} kernels, ${sizes.join(', ')}, ${seconds} s`)
}

/**
 * TypeScript without its types.
 * @param {string} text
 */
function script(text) {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, removeComments: true }
  return ts.transpileModule(text, { compilerOptions }).outputText
}

/**
 * @param {string} source
 * @param {string} features
 * @param {string} out
 */
async function compile(source, features, out) {
  const messages = []
  /** @type {Uint8Array | undefined} */
  let bytes
  const stream = { write: (/** @type {unknown} */ text) => void messages.push(text) }
  const { error } = await compileAssembly([source, ...compilerArguments(features, out)], {
    stdout: stream,
    stderr: stream,
    readFile: (name, base) =>
      withInlining(relative(root, join(root, base, name.replace(/\.ts\.ts$/, '.ts')))),
    writeFile: (_, content) => {
      if (typeof content !== 'string') bytes = content
    },
    listFiles: () => [],
  })
  if (error || !bytes)
    throw new Error(`the kernels do not compile\n${messages.join('')}${error?.message ?? ''}`)
  return bytes
}

/**
 * A source. Vector math is inlined into every kernel: a call would spill all vector registers. The mark is set here, as
 * neither linter nor formatter can read `@inline function`.
 * @param {string} path
 */
function withInlining(path) {
  const text = read(path)
  if (!path.replaceAll('\\', '/').endsWith('kernels/math.as.ts')) return text
  return text?.replaceAll(/^(export )?function .*: v128 \{$/gm, '@inline $&') ?? null
}

/**
 * The first file whose own module breaks the rules.
 * @param {Map<string, string>} sources
 * @param {string} features
 */
async function blame(sources, features) {
  for (const path of sources.keys()) {
    if (path.endsWith('.as.ts') && path !== entry && checkModule(await compile(path, features, 'blame.wasm')))
      return path
  }
  return undefined
}

/**
 * A switch over kernel numbers. Kernels are exported too, which keeps each a function of its own: engines optimise
 * functions one by one.
 * @param {import('./wasm-kernels.mjs').KernelSource[]} kernels
 */
function dispatcher(kernels) {
  const from = kernels.map(({ name, path }) => {
    return `import { ${name} } from '${relative(generated, path)}'\n`
  })
  const cases = kernels.map(({ name, parameters, thread }, id) => {
    const args = parameters.map(({ type }, i) => `load<${type}>(a, ${4 * i})`)
    return `    case ${id}: { ${name}(${[...args, 'begin', 'end', ...(thread ? ['thread'] : [])].join(', ')}); return }\n`
  })
  return `// Written by scripts/build-wasm.mjs.
${from.join('')}export { ${kernels.map(({ name }) => name).join(', ')} }

export function dispatch(kernel: i32, a: usize, begin: i32, end: i32, thread: i32): void {
  switch (kernel) {
${cases.join('')}    default: unreachable()
  }
}
`
}

/** @param {import('./wasm-kernels.mjs').KernelSource[]} kernels */
function table(kernels) {
  const type = { usize: 'Operand | undefined', i32: 'number', f32: 'number' }
  const members = kernels.map(({ name, parameters }) => {
    return `  ${name}: { ${parameters.map((p) => `readonly ${p.name}: ${type[p.type]}`).join('; ')} }\n`
  })
  const rows = kernels.map(({ name, parameters }, id) => {
    return `  ${name}: { id: ${id}, parameters: [${parameters.map((p) => `['${p.name}', '${p.type}']`).join(', ')}] },\n`
  })
  return `// Written by scripts/build-wasm.mjs.
import type { Operand } from '../../device.ts'

/** The arguments of each kernel. */
export interface WasmKernels {
${members.join('')}}

export interface KernelSignature {
  readonly id: number
  readonly parameters: readonly (readonly [name: string, type: 'usize' | 'i32' | 'f32'])[]
}

export const KERNELS: Readonly<Record<keyof WasmKernels, KernelSignature>> = {
${rows.join('')}}
`
}

/**
 * AssemblyScript files under a folder, in a fixed order.
 * @param {string} folder
 * @returns {[path: string, text: string][]}
 */
function find(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => `${folder}/${String(name).replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.as.ts'))
    .toSorted()
    .map((path) => [path, readFileSync(join(root, path), 'utf8')])
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return null
  }
}

/**
 * By way of a rename: builds may race.
 * @param {string} path
 * @param {string} content
 */
function write(path, content) {
  const target = join(root, path)
  mkdirSync(dirname(target), { recursive: true })
  const draft = `${target}.${process.pid}`
  writeFileSync(draft, content)
  renameSync(draft, target)
}
