/** Finds out which build of the kernels an engine can run. */
import { DeviceError } from '../../errors.ts'
import { isNode, nodeModule } from '../../platform.ts'
import { canRevectorize, compileRevectorized } from './revectorize.ts'

export type Simd = 'base' | 'relaxed'

/** A module with one function that gives a v128: `code` is its body. */
function moduleWith(code: readonly number[]): Uint8Array<ArrayBuffer> {
  const header = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0]
  const body = [0, ...code, 11]
  return Uint8Array.from([...header, 10, body.length + 2, 1, body.length, ...body])
}

/** i32.const 0, i8x16.splat */
const ZERO = [65, 0, 253, 15]
const BASE = moduleWith(ZERO)
/** f32x4.relaxed_madd of three of them */
const RELAXED = moduleWith([...ZERO, ...ZERO, ...ZERO, 253, 133, 2])

/** Chooses the build to run: the relaxed one where the engine can. */
export function chooseSimd(wanted: Simd | 'auto'): Simd {
  if (!WebAssembly.validate(BASE)) {
    throw new DeviceError('the engine has no WebAssembly SIMD', {
      where: 'wasm',
      hint: 'Update the browser or Node',
    })
  }
  if (wanted === 'base') return 'base'
  if (hasRelaxedSimd()) return 'relaxed'
  if (wanted === 'auto') return 'base'
  throw new DeviceError('the engine has no relaxed SIMD', { where: 'wasm', hint: "Use simd: 'auto'" })
}

function hasRelaxedSimd(): boolean {
  if (WebAssembly.validate(RELAXED)) return true
  // V8 11 has relaxed SIMD behind a flag, which later versions do not know.
  if (!isNode || Number.parseInt(process.versions['v8'] ?? '', 10) !== 11) return false
  nodeModule('node:v8').setFlagsFromString('--experimental-wasm-relaxed-simd')
  return WebAssembly.validate(RELAXED)
}

export interface Kernels {
  readonly module: WebAssembly.Module
  /** Whether the engine joins pairs of their vectors. */
  readonly revectorized: boolean
  /** Kernels that failed their check. If there is one, no vectors are joined at all. */
  readonly failed: readonly string[]
}

/** Compiles the build, with vectors joined if the engine can do it and `revectorize` allows it. */
export async function compileKernels(simd: Simd, revectorize: boolean): Promise<Kernels> {
  const { bytes: text } = await (simd === 'relaxed'
    ? import('./generated/relaxed.ts')
    : import('./generated/base.ts'))
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
  if (!revectorize || !canRevectorize()) {
    return { module: await WebAssembly.compile(bytes), revectorized: false, failed: [] }
  }
  const { module, failed } = compileRevectorized(bytes)
  return { module, revectorized: failed.length === 0, failed }
}
