/** The states of all layers, taken together: copied, stacked into a batch, taken apart again. */
import type { AnyDevice } from '../../devices/device.ts'
import type { State } from '../../nn/module.ts'
import { apply } from '../../ops/apply.ts'
import { copyInto } from '../../ops/index.ts'
import { concatOp, reshape } from '../../ops/layout/op.ts'
import { part } from '../../ops/layout/types.ts'
import { persistent, scope } from '../../tensor/scope.ts'
import { sizeOf, type Shape } from '../../tensor/shape.ts'
import { empty, type Tensor } from '../../tensor/tensor.ts'

export type States = readonly State[]
/** Tensors by `layers.I.NAME`. */
export type NamedTensors = ReadonlyMap<string, Tensor>

/** Keys and values [B, capacity, W] of attention grow by a row a token; whatever else a state holds has a fixed size. */
export const isCache = (name: string): boolean => /\.(key|value)$/.test(name)

export function named(states: States): NamedTensors {
  return new Map(
    states.flatMap((state, layer) =>
      Object.entries(state).map(([name, each]): [string, Tensor] => [`layers.${layer}.${name}`, each]),
    ),
  )
}

/** What does not grow. */
export function fixed(states: States): NamedTensors {
  return new Map([...named(states)].filter(([name]) => !isCache(name)))
}

/** States with other tensors in the same places. */
export function mapStates(states: States, change: (each: Tensor, name: string) => Tensor): State[] {
  return states.map((state, layer) =>
    Object.fromEntries(
      Object.entries(state).map(([name, each]) => [name, change(each, `layers.${layer}.${name}`)]),
    ),
  )
}

export function disposeStates(states: States): void {
  for (const each of named(states).values()) each.dispose()
}

export function bytesOf(tensors: Iterable<Tensor>): number {
  let words = 0
  for (const { size } of tensors) words += size
  return 4 * words
}

/** A tensor of its own, in the heap, with the values of `x`. */
export function copyOf(x: Tensor): Tensor {
  return persistent(() => copyInto(empty(x.device, x.shape, x.dtype), x))
}

/** The first `count` rows of sequence `row` of a cache [B, capacity, W], as a view [1, count, W]. */
export function cacheRows(cache: Tensor, row: number, count: number): Tensor {
  const [, capacity, width] = cache.shape as [number, number, number]
  return cache.view([1, count, width], cache.offset + row * capacity * width)
}

/** Sequence `row` of a tensor [B, …], as a view [1, …]. */
export function rowOf(x: Tensor, row: number): Tensor {
  const inner = x.shape.slice(1)
  return x.view([1, ...inner], x.offset + row * sizeOf(inner))
}

/** The tensors that `views` gives, one above the other in a new one [count, ...inner], each filled up with zeros to the size of `inner`. */
export function stack(device: AnyDevice, inner: Shape, views: () => readonly Tensor[]): Tensor {
  const size = sizeOf(inner)
  return scope(() => {
    const all = views()
    const parts: Record<string, Tensor> = {}
    const widths: number[] = []
    for (const view of all) {
      parts[part(widths.length)] = view.view([view.size])
      widths.push(view.size, size - view.size)
    }
    return reshape(apply(concatOp, parts, { leading: [], widths }).y, [all.length, ...inner])
  }, device.heap)
}
