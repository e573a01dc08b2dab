/**
 * The tape: what was computed, so that gradients can be walked back. It knows tensors and nothing of
 * operations; each node brings its own backward.
 */
import { expectSynchronous } from '../errors.ts'
import { scope } from '../tensor/scope.ts'
import type { Tensor } from '../tensor/tensor.ts'

type Slots = readonly (Tensor | undefined)[]

export interface TapeNode {
  readonly name: string
  readonly inputs: Slots
  readonly outputs: Slots
  /** What backward reads: held until it ran. */
  readonly saved: readonly Tensor[]
  /**
   * Gradients of the inputs (in their order) from those of the outputs. `wanted[i]` says whether input i
   * needs one. May return a cotangent itself.
   */
  backward(cotangents: Slots, wanted: readonly boolean[]): Slots
}

let active: Tape | undefined

/** The tape that operations write to now. */
export function activeTape(): Tape | undefined {
  return active
}

/**
 * Runs `body` with operations recorded on `tape`; with `undefined`, on none.
 *
 * @throws StateError if the body is asynchronous: what it does after its first `await` would not be recorded
 */
export function withTape<T>(tape: Tape | undefined, body: () => T): T {
  const outer = active
  active = tape
  try {
    const result = body()
    expectSynchronous('withTape', result)
    return result
  } finally {
    active = outer
  }
}

export class Tape {
  readonly #nodes: TapeNode[] = []
  readonly #tracked = new Set<Tensor>()
  readonly #leaves = new Set<Tensor>()

  /** Asks for the gradient of a leaf: a parameter, or an input. */
  watch(leaf: Tensor): void {
    this.#tracked.add(leaf)
    this.#leaves.add(leaf)
  }

  /** Whether anything watched flows into `tensor`. */
  tracks(tensor: Tensor | undefined): boolean {
    return tensor !== undefined && this.#tracked.has(tensor)
  }

  record(node: TapeNode): void {
    for (const tensor of node.saved) tensor.storage.retain()
    for (const output of node.outputs) if (output) this.#tracked.add(output)
    this.#nodes.push(node)
  }

  /**
   * Walks back from the cotangents in `seeds` and returns the gradient of every leaf that they depend on. The
   * tape is empty afterwards, also if a node failed. `add` sums two gradients of one tensor.
   */
  backward(seeds: ReadonlyMap<Tensor, Tensor>, add: (a: Tensor, b: Tensor) => Tensor): Map<Tensor, Tensor> {
    const gradients = new Map<Tensor, Tensor>()
    const accumulate = (of: Tensor, gradient: Tensor): void => {
      const sum = gradients.get(of)
      if (sum === undefined) {
        gradients.set(of, gradient)
        return
      }
      gradients.set(of, add(sum, gradient))
      sum.dispose()
      gradient.dispose()
    }
    try {
      for (const [of, cotangent] of seeds) accumulate(of, cotangent.view())
      for (let node = this.#nodes.pop(); node !== undefined; node = this.#nodes.pop()) {
        this.#step(node, gradients, accumulate)
      }
    } finally {
      this.dispose()
    }
    for (const [of, gradient] of gradients) {
      if (this.#leaves.has(of)) continue
      gradient.dispose()
      gradients.delete(of)
    }
    return gradients
  }

  #step(
    node: TapeNode,
    gradients: Map<Tensor, Tensor>,
    accumulate: (of: Tensor, gradient: Tensor) => void,
  ): void {
    const cotangents = node.outputs.map((output) => output && gradients.get(output))
    try {
      if (cotangents.every((cotangent) => cotangent === undefined)) return
      const wanted = node.inputs.map((input) => this.tracks(input))
      const results = scope(() => withTape(undefined, () => node.backward(cotangents, wanted)))
      const taken = new Set<Tensor | undefined>(cotangents)
      for (const [i, result] of results.entries()) {
        if (!result || !wanted[i]) {
          if (result && !taken.has(result)) result.dispose()
          continue
        }
        // A gradient that is a cotangent, or stands twice, gets a hold of its own.
        accumulate(node.inputs[i]!, taken.has(result) ? result.view() : result)
        taken.add(result)
      }
      for (const [i, output] of node.outputs.entries()) {
        if (!output || this.#leaves.has(output)) continue
        cotangents[i]?.dispose()
        gradients.delete(output)
      }
    } finally {
      for (const tensor of node.saved) tensor.storage.release()
    }
  }

  /** Forgets what is left, and lets go of what it saved. */
  dispose(): void {
    for (const node of this.#nodes.splice(0)) for (const tensor of node.saved) tensor.storage.release()
  }
}
