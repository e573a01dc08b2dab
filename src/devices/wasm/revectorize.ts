/**
 * V8 14.6 (Node 26) can join neighbouring vectors of 128 bits to vectors of 256. This is an experiment behind
 * a flag of the whole process. The flag is therefore on only while the optimizing compiler compiles some
 * kernels here. Each of them must then give the same bits as the code of the baseline compiler, which joins
 * nothing. All other kernels, and other modules, are compiled without the flag.
 */
import { isNode, nodeModule } from '../../platform.ts'
import type { Operand } from '../device.ts'
import { KERNELS, type WasmKernels } from './generated/kernels.ts'

/** The names of those arguments of a kernel that are of type `T`. */
type NamesOf<K extends keyof WasmKernels, T> = {
  [Name in keyof WasmKernels[K]]: WasmKernels[K][Name] extends T ? Name : never
}[keyof WasmKernels[K]]

interface CheckOf<K extends keyof WasmKernels> {
  readonly kernel: K
  readonly items: number
  /** Arrays that the kernel is given. They lie one after the other, 16,384 words each. */
  readonly arrays: readonly NamesOf<K, Operand | undefined>[]
  /** Arguments that are not named are 0. */
  readonly sizes: Readonly<Partial<Record<NamesOf<K, number>, number>>>
}

type Check = { [K in keyof WasmKernels]: CheckOf<K> }[keyof WasmKernels]

/** Flags that make V8 optimize a kernel at once, after one run; and then those that V8 begins with. */
const ON = ['--experimental-wasm-revectorize', '--wasm-sync-tier-up', '--wasm-tiering-budget=1']
const OFF = ['--no-experimental-wasm-revectorize', '--no-wasm-sync-tier-up', '--wasm-tiering-budget=13000000']

const PAGES = 16
const FIRST = 4096
/** After so many runs, V8 uses the optimized code of a kernel and of what it calls. */
const RUNS = 3

const ARRAY = 16_384

/** The kernels that gain from wide vectors. Sizes are such that every kind of edge occurs. */
const CHECKS: readonly Check[] = [
  {
    kernel: 'matmulTiles',
    items: 4,
    arrays: ['a', 'packed', 'bias', 'residual', 'y', 'edge'],
    sizes: {
      kind: 1,
      M: 17,
      N: 45,
      K: 70,
      aRow: 70,
      yRow: 45,
      blockRows: 12,
      blockColumns: 32,
      blockInner: 36,
      tileColumns: 16,
    },
  },
  {
    kernel: 'selectiveScanForward',
    items: 2,
    arrays: ['u', 'delta', 'A', 'B', 'C', 'D', 'z', 'deltaBias', 'y', 'finalState', 'edges', 'scratch'],
    sizes: {
      length: 70,
      inner: 22,
      stateSize: 7,
      groups: 1,
      blocks: 2,
      width: 12,
      chunk: 64,
      bStride: 7,
      cStride: 7,
      zStride: 22,
      softplus: 1,
    },
  },
  {
    kernel: 'ssdForward',
    items: 4,
    arrays: ['x', 'B', 'C', 'D', 'decays', 'scores', 'rows', 'y', 'finalState'],
    sizes: {
      batch: 1,
      length: 45,
      heads: 2,
      headDim: 20,
      groups: 1,
      stateSize: 13,
      chunk: 32,
      blockWidth: 12,
      xStride: 40,
      bStride: 13,
      cStride: 13,
    },
  },
  {
    kernel: 'normForward',
    items: 5,
    arrays: ['x', 'weight', 'y'],
    sizes: { width: 45, groupSize: 45, xStride: 45, eps: 1e-5 },
  },
]

/** Whether the engine is one in which all checks of operations and models have passed. */
export function canRevectorize(): boolean {
  // Bun names a V8 that it does not have.
  if (!isNode || process.arch !== 'x64' || process.versions['bun'] !== undefined) return false
  return process.versions['v8']?.startsWith('14.6.') ?? false
}

export interface Revectorized {
  readonly module: WebAssembly.Module
  /**
   * Kernels whose joined code gave other bits. If there is one, the module is compiled without joined
   * vectors.
   */
  readonly failed: readonly string[]
}

/** The module with its checked kernels compiled to wide vectors, or with none if one of them failed. */
export function compileRevectorized(bytes: Uint8Array<ArrayBuffer>): Revectorized {
  // To the engine, equal bytes are one module, also for other devices. Sections without a meaning tell the
  // modules apart.
  const plain = new WebAssembly.Module(marked(bytes, 1))
  const [module, failed] = withFlags(() => {
    const joined = new WebAssembly.Module(marked(bytes, 2))
    return [joined, differing(plain, joined)] as const
  })
  return { module: failed.length === 0 ? module : plain, failed }
}

/**
 * The checked kernels that give other results in the second module than in the first, whose kernels run only
 * once.
 */
export function differing(plain: WebAssembly.Module, other: WebAssembly.Module): string[] {
  const differs = (check: Check): boolean => {
    const wanted = resultOf(plain, check, 1)
    return resultOf(other, check, RUNS).some((word, i) => word !== wanted[i])
  }
  return CHECKS.filter(differs).map(({ kernel }) => kernel)
}

/** This does not wait for anything, so that nothing else of the process is compiled with the flags. */
function withFlags<T>(body: () => T): T {
  const { setFlagsFromString } = nodeModule('node:v8')
  for (const flag of ON) setFlagsFromString(flag)
  try {
    return body()
  } finally {
    for (const flag of OFF) setFlagsFromString(flag)
  }
}

/** The module with a custom section, empty but for its name of one letter. */
function marked(bytes: Uint8Array, letter: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...bytes, 0, 2, 1, letter])
}

/** All words after a kernel has run some times on the same inputs. */
function resultOf(module: WebAssembly.Module, { kernel, items, ...given }: Check, runs: number): Int32Array {
  const arrays: readonly string[] = given.arrays
  const sizes: Readonly<Record<string, number | undefined>> = given.sizes
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true })
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const call = exports[kernel] as (...values: number[]) => void
  const values = KERNELS[kernel].parameters.map(([name, type]) => {
    if (type !== 'usize') return sizes[name] ?? 0
    const array = arrays.indexOf(name)
    return array < 0 ? 0 : 4 * (FIRST + ARRAY * array)
  })
  for (let run = 0; run < runs; run++) {
    fill(new Float32Array(memory.buffer))
    call(...values, 0, items)
  }
  return new Int32Array(memory.buffer).slice(FIRST)
}

/** Numbers within -1 and 1 that do not repeat. */
function fill(words: Float32Array): void {
  let state = 1
  for (let i = FIRST; i < words.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    words[i] = state / 2 ** 31
  }
}
