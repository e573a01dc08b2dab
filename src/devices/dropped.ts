/**
 * The last net under memory and threads: what nobody gave back, and nobody refers to any more, is given back
 * when the engine collects its object. When that is, nobody knows: whoever can, disposes.
 */
const net = new FinalizationRegistry<() => void>((giveBack) => giveBack())

/** Calls `giveBack`, which must not refer to `object`, once nothing else refers to it. */
export function whenDropped(object: object, giveBack: () => void): void {
  net.register(object, giveBack, object)
}

/** The object was given back in order. */
export function notDropped(object: object): void {
  net.unregister(object)
}
