// What build-wasm.mjs knows of AssemblyScript: kernel signatures, compiler flags, and what a module must not
// have.

/**
 * @typedef {{ name: string, type: 'usize' | 'i32' | 'f32' }} Parameter
 * @typedef {{ name: string, path: string, parameters: Parameter[], thread: boolean }} KernelSource
 */

const SHARE = ['begin: i32', 'end: i32']

/**
 * Exported functions that take a share of items, `(..., begin: i32, end: i32)` or `(..., begin, end, thread:
 * i32)`. Exported functions without `begin` and `end` are helpers for other files.
 * @param {string} path
 * @param {string} text
 * @returns {KernelSource[]}
 */
export function findKernels(path, text) {
  const code = text.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '')
  const kernels = []
  for (const [, name, generics, list, result] of code.matchAll(
    /export\s+function\s+(\w+)\s*(<[^(]*>)?\s*\(([^)]*)\)\s*:?\s*(\w*)/g,
  )) {
    const parameters = list
      .split(',')
      .map((each) => each.trim().replaceAll(/\s*:\s*/g, ': '))
      .filter(Boolean)
    if (!parameters.some((each) => /^(begin|end)\b/.test(each))) continue
    const fail = (/** @type {string} */ why) => {
      throw new Error(
        `${path}: kernel ${name}: ${why}. Found (${parameters.join(', ')}): ${result || 'no result type'}`,
      )
    }
    const thread = parameters.at(-1) === 'thread: i32'
    const own = parameters.slice(0, thread ? -3 : -2)
    const share = parameters.slice(own.length, own.length + 2)
    if (generics) fail('kernels have no type parameters')
    if (result !== 'void') fail('kernels give void')
    if (share.join() !== SHARE.join())
      fail('the last parameters must be begin: i32, end: i32 (and thread: i32, if wanted)')
    kernels.push({
      name,
      path,
      thread,
      parameters: own.map((each) => {
        const match = /^(\w+): (usize|i32|f32)$/.exec(each)
        if (!match) return fail(`"${each}" is neither usize (a pointer) nor i32 nor f32`)
        return { name: match[1], type: match[2] }
      }),
    })
  }
  return kernels
}

/**
 * @param {string} features
 * @param {string} out
 */
export function compilerArguments(features, out) {
  const memory = ['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536']
  return [
    '-O3',
    '--disableWarning',
    '112',
    '--runtime',
    'stub',
    '--use',
    'abort=',
    ...memory,
    '--enable',
    features,
    '--outFile',
    out,
  ]
}

/**
 * What is wrong with a compiled module, if anything. Every thread has an instance on the same memory: a start
 * function or data segments would overwrite what is there, and module state would differ between threads.
 * Reads the sections itself, as Node 20 takes no relaxed SIMD without a flag.
 * @param {Uint8Array} bytes
 * @returns {string | undefined}
 */
export function checkModule(bytes) {
  const sections = new Map(sectionsOf(bytes))
  const imports = new TextDecoder('latin1').decode(sections.get(2) ?? new Uint8Array())
  if (!imports.startsWith('\x01\x03env\x06memory\x02')) {
    return `imports must be env.memory alone, found ${imports.match(/\w{2,}/g)?.join(' ') ?? 'none'}`
  }
  if (sections.has(8)) return 'the module has a start function (a top-level variable that is not a constant?)'
  if (sections.has(11)) return 'the module has static data (a string, array or table?)'
  if (sections.has(6)) return 'the module has global variables (a top-level let, or an allocation?)'
  return undefined
}

/**
 * @param {Uint8Array} bytes
 * @returns {Generator<[id: number, content: Uint8Array]>}
 */
function* sectionsOf(bytes) {
  for (let at = 8; at < bytes.length;) {
    const id = bytes[at++] ?? 0
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0
      size |= (byte & 127) << shift
      if (byte < 128) break
    }
    yield [id, bytes.subarray(at, at + size)]
    at += size
  }
}
