import { activeTape, Tape, withTape } from '../autograd/tape.ts'
import { scope } from '../tensor/scope.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { add } from './elementwise/op.ts'

/**
 * Runs `body` without keeping what its gradient needs; backward runs it again (Chen et al. 2016). `from` are
 * the tensors that it computes from, parameters included: all that gradients may flow to. Without a tape it
 * just runs.
 */
export function recompute<T extends Readonly<Record<string, Tensor>>>(
  from: readonly Tensor[],
  body: () => T,
): T {
  const tape = activeTape()
  if (!tape) return body()
  // An input that comes out unchanged gets a view: as an output it has a gradient of its own.
  const made = Object.entries(withTape(undefined, () => scope(body)))
  const outputs = Object.fromEntries(made.map(([name, x]) => [name, from.includes(x) ? x.view() : x])) as T
  const names = Object.keys(outputs)
  tape.record({
    name: 'recompute',
    inputs: from,
    outputs: names.map((name) => outputs[name]),
    saved: from,
    backward(cotangents, wanted) {
      const inner = new Tape()
      from.filter((_, i) => wanted[i]).forEach((tensor) => inner.watch(tensor))
      try {
        const again = withTape(inner, body)
        const seeds = new Map<Tensor, Tensor>()
        for (const [i, name] of names.entries()) if (cotangents[i]) seeds.set(again[name], cotangents[i])
        const gradients = inner.backward(seeds, add)
        return from.map((tensor) => gradients.get(tensor))
      } finally {
        inner.dispose()
      }
    },
  })
  return outputs
}
