/** What layers remember of sequences: declared as slots, kept as tensors. */
import type { AnyDevice } from '../devices/device.ts'
import { bytesOf } from '../devices/dtype.ts'
import { DISPOSE } from '../disposal.ts'
import { StateError } from '../errors.ts'
import { copyInto, fill, stackRows, zeros } from '../ops/index.ts'
import { persistent } from '../tensor/scope.ts'
import { sizeOf, type Shape } from '../tensor/shape.ts'
import { empty, type Tensor } from '../tensor/tensor.ts'

/** A place for a tensor in the state of a layer. */
export interface Slot {
  /** Of one sequence; of a slot that grows, of one position. */
  readonly shape: Shape
  /**
   * Whether it has a row for each position, as the keys and values of attention. It is then filled in place.
   */
  readonly grows: boolean
}
/** The slots of a layer, by name. */
export type Slots = Readonly<Record<string, Slot>>

/** What a layer remembers of a sequence, by name. Empty for layers that remember nothing. */
export type State = Readonly<Record<string, Tensor>>

/** Tensors by `layers.I.NAME`. */
export type NamedTensors = ReadonlyMap<string, Tensor>

/** Declares a slot of a layer's state. */
export function slot(shape: Shape, { grows = false }: { readonly grows?: boolean } = {}): Slot {
  return { shape, grows }
}

/**
 * A state of zeros for `batch` sequences, outside any scope: slots [batch, …shape], and [batch, capacity,
 * …shape] if they grow. A layer whose slots grow has no state at all without capacity.
 */
export function createState(slots: Slots, device: AnyDevice, batch: number, capacity = 0): State {
  const entries = Object.entries(slots)
  if (capacity === 0 && entries.some(([, { grows }]) => grows)) return {}
  return persistent(() =>
    Object.fromEntries(
      entries.map(([name, { shape, grows }]) => [
        name,
        zeros(device, grows ? [batch, capacity, ...shape] : [batch, ...shape]),
      ]),
    ),
  )
}

/** The states of all layers of a model, for a batch of sequences. */
export class States {
  readonly device: AnyDevice
  /** What each layer declares. */
  readonly slots: readonly Slots[]
  /** What each layer takes. */
  readonly layers: readonly State[]

  constructor(device: AnyDevice, slots: readonly Slots[], layers: readonly State[]) {
    this.device = device
    this.slots = slots
    this.layers = layers
  }

  /** States of zeros: see `createState`. */
  static create(device: AnyDevice, slots: readonly Slots[], batch: number, capacity = 0): States {
    const layers = slots.map((layer) => createState(layer, device, batch, capacity))
    return new States(device, slots, layers)
  }

  /**
   * The states of several sequences, one above the other, in memory of their own. Of slots that grow, the
   * first `used[i]` positions of `all[i]` are taken, and there is room for `capacity`.
   */
  static stack(all: readonly States[], used: readonly number[], capacity: number): States {
    const [first] = all
    return first.#map((_, { name, layer, slot: { shape, grows } }) =>
      stackRows(first.device, grows ? [capacity, ...shape] : shape, () =>
        all.map((states, i) => {
          const tensor = states.layers[layer][name]
          return grows ? positions(tensor, 0, used[i]) : tensor
        }),
      ),
    )
  }

  /** All tensors: a scope that returns the states keeps them. */
  [Symbol.iterator](): Iterator<Tensor> {
    return this.named.values()
  }

  /** Whether some slot grows with the text. */
  get grows(): boolean {
    return this.slots.some((layer) => Object.values(layer).some(({ grows }) => grows))
  }

  /** All tensors. */
  get named(): NamedTensors {
    return new Map(this.#entries().map(({ path, tensor }) => [path, tensor]))
  }

  /** The tensors whose size does not depend on the length of the text. */
  get fixed(): NamedTensors {
    return new Map(
      this.#entries()
        .filter(({ slot: { grows } }) => !grows)
        .map(({ path, tensor }) => [path, tensor]),
    )
  }

  /** The paths of slots that grow. */
  get growing(): ReadonlySet<string> {
    return new Set(this.#entries().flatMap(({ path, slot: { grows } }) => (grows ? [path] : [])))
  }

  /** Memory on the device. */
  get bytes(): number {
    return totalBytes(this.named.values())
  }

  /**
   * Writes the values of other states into these. What a layer changed in place is the same tensor, and left
   * as it is.
   */
  take(next: States): void {
    for (const [i, state] of this.layers.entries()) {
      for (const [name, tensor] of Object.entries(state)) {
        const other = next.layers[i]?.[name]
        if (!other) throw new StateError('the states are of another model', { where: `layers.${i}.${name}` })
        if (other !== tensor) copyInto(tensor, other)
      }
    }
  }

  /** Sequence `row`, of slots that grow the first `used` positions: views [1, …]. */
  row(row: number, used = 0): NamedTensors {
    return new Map(
      this.#entries().map(({ path, tensor, slot: { grows } }) => [
        path,
        grows ? positions(tensor, row, used) : rowOf(tensor, row),
      ]),
    )
  }

  /** The same values in memory of their own. */
  copy(): States {
    return this.#map((tensor) => copyOf(tensor))
  }

  /**
   * States with room for `capacity` positions in place of `used`. The tensors of fixed size are the same; the
   * old ones that grow are given back.
   */
  grow(used: number, capacity: number): States {
    return this.#map((tensor, { slot: { shape, grows } }) => {
      if (!grows) return tensor
      const rows = Array.from({ length: tensor.shape[0] }, (_, row) => row)
      const larger = stackRows(this.device, [capacity, ...shape], () =>
        rows.map((row) => positions(tensor, row, used)),
      )
      tensor.dispose()
      return larger
    })
  }

  /**
   * Forgets everything: zeros in all slots of fixed size. Nothing reads the positions of the others before
   * they are written.
   */
  clear(): void {
    for (const tensor of this.fixed.values()) fill(tensor, 0)
  }

  /** Gives the memory of all tensors back. */
  dispose(): void {
    for (const tensor of this.named.values()) tensor.dispose()
  }

  [DISPOSE](): void {
    this.dispose()
  }

  #entries(): readonly Entry[] {
    return this.layers.flatMap((state, layer) =>
      Object.entries(state).map(([name, tensor]) => ({
        layer,
        name,
        path: `layers.${layer}.${name}`,
        tensor,
        slot: this.slots[layer][name],
      })),
    )
  }

  #map(change: (tensor: Tensor, entry: Entry) => Tensor): States {
    const layers: Record<string, Tensor>[] = this.layers.map(() => ({}))
    for (const entry of this.#entries()) layers[entry.layer][entry.name] = change(entry.tensor, entry)
    return new States(this.device, this.slots, layers)
  }
}

interface Entry {
  readonly layer: number
  readonly name: string
  readonly path: string
  readonly tensor: Tensor
  readonly slot: Slot
}

/** Bytes of tensors together. */
export function totalBytes(tensors: Iterable<Tensor>): number {
  let bytes = 0
  for (const { size, dtype } of tensors) bytes += size * bytesOf(dtype)
  return bytes
}

/** A tensor of its own, in the heap, with the values of `x`. */
export function copyOf(x: Tensor): Tensor {
  return persistent(() => copyInto(empty(x.device, x.shape, x.dtype), x))
}

/** The first `count` positions of sequence `row` of a tensor [B, capacity, …], as a view [1, count, …]. */
export function positions(x: Tensor, row: number, count: number): Tensor {
  const [, capacity, ...inner] = x.shape
  return x.view([1, count, ...inner], x.offset + row * capacity * sizeOf(inner))
}

/** Sequence `row` of a tensor [B, …], as a view [1, …]. */
export function rowOf(x: Tensor, row: number): Tensor {
  const inner = x.shape.slice(1)
  return x.view([1, ...inner], x.offset + row * sizeOf(inner))
}
