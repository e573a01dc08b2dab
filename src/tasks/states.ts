/** What a model remembers between batches: the one place here that knows how its states are kept. */
import type { Model } from '../models/model.ts'
import type { State } from '../nn/module.ts'
import { copyInto } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'

export type States = readonly State[]

/** States of zeros. `capacity`: how many positions attention layers remember. */
export const createStates = (model: Model, batch: number, capacity = 0): States =>
  model.createStates(batch, capacity)

/** `kept` becomes what `next` is. Caches of attention have changed in place already. */
export function takeStates(kept: States, next: States): void {
  for (const [layer, state] of kept.entries()) {
    for (const [name, tensor] of Object.entries(state)) {
      if (next[layer][name] !== tensor) copyInto(tensor, next[layer][name])
    }
  }
}

/** By `LAYER.NAME`, as training checkpoints name them. */
export function namedStates(states: States): Map<string, Tensor> {
  return new Map(
    states.flatMap((state, layer) =>
      Object.entries(state).map(([name, tensor]): [string, Tensor] => [`${layer}.${name}`, tensor]),
    ),
  )
}

export function disposeStates(states: States): void {
  for (const tensor of namedStates(states).values()) tensor.dispose()
}
