/** The types of the tables of kernels: each entry has the types of its operation. */
import type { Kernel } from './kernels.ts'
import type { Arrays, KernelOperation } from '../operation.ts'
import type * as operations from '../operations.ts'

type Operations = typeof operations
type Name<Key> = Key extends `${infer N}Op` ? N : never

/** Kernels by the names of their operations, each with the types of its operation. */
export type KernelTable<Launch> = {
  readonly [Key in keyof Operations as Name<Key>]?: Operations[Key] extends KernelOperation<
    infer I,
    infer O,
    infer P
  >
    ? Kernel<I, O, P, Launch>
    : never
}

/** Definitions in float64 by the names of their operations. Outputs come zeroed. */
export type DefinitionTable = {
  readonly [Key in keyof Operations as Name<Key>]?: Operations[Key] extends KernelOperation<
    infer I,
    infer O,
    infer P
  >
    ? (inputs: Arrays<I>, outputs: Arrays<O>, params: P) => void
    : never
}
