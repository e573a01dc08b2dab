/**
 * A launch of a WASM kernel: its name, its arguments by name, and how many items the threads share out.
 *
 * The kernels are the exported functions of all `*.as.ts` files in src/ops. Their parameter lists are the
 * declaration: `usize` is a pointer (an operand at its first element, 0 if absent), `i32` and `f32` are
 * numbers. The last two parameters, `begin` and `end`, are the calling thread's share of the items; a
 * `thread: i32` may follow. The build writes `generated/kernels.ts` from them. Results must not depend on the
 * number of threads.
 */
import type { Operand } from '../device.ts'
import type { WasmKernels } from './generated/kernels.ts'

export interface WasmLaunch {
  readonly kernel: keyof WasmKernels
  readonly args: Readonly<Record<string, Operand | number | undefined>>
  readonly items: number
}

/** A launch of `kernel` over `items`, with arguments checked against the kernel's signature. */
export function wasmLaunch<K extends keyof WasmKernels>(
  kernel: K,
  args: WasmKernels[K],
  items: number,
): WasmLaunch {
  return { kernel, args, items }
}
