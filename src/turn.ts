/**
 * Turns of the event loop. Work that awaits nothing but promises keeps the timers, sockets, messages and
 * signals of its thread waiting until it ends. Every long loop therefore gives them a turn now and then.
 */

/**
 * Milliseconds that work goes on for without a turn. A step that is shorter is followed by at most one more
 * before the turn, so that others wait for no more than 10 ms, or for one step.
 */
const SLICE = 5

// These are taken when the module is loaded: a test that replaces clocks and timers must not stop a model.
/** Milliseconds since some moment. */
export const now: () => number = performance.now.bind(performance)
const post: (resume: () => void) => void =
  typeof globalThis.setImmediate === 'function' ? globalThis.setImmediate.bind(globalThis) : posted()

let last = now()

/** Whether other work has waited for long enough. */
export const isTurnDue = (at = now()): boolean => at - last >= SLICE

/**
 * Lets timers, sockets, messages and signals have their turn, if the last one was some milliseconds ago.
 *
 * @throws the reason of the signal, if it is aborted then
 */
export async function giveTurn(signal?: AbortSignal): Promise<void> {
  if (isTurnDue()) {
    await new Promise<void>((resolve) => {
      post(resolve)
    })
    last = now()
  }
  signal?.throwIfAborted()
}

/**
 * Pages and their workers have no `setImmediate`. Their timers wait for 4 ms when they are nested, and what
 * follows `scheduler.yield` goes before messages; a message waits for those that came before it.
 */
function posted(): (resume: () => void) => void {
  const waiting: (() => void)[] = []
  const { port1, port2 } = new MessageChannel()
  port1.addEventListener('message', () => waiting.shift()?.())
  port1.start()
  return (resume) => {
    waiting.push(resume)
    port2.postMessage(undefined)
  }
}

/**
 * The same pieces, and in the end the same result; other work has its turn between them. Ends with the reason
 * of the signal.
 */
export async function* givingTurns<Piece, Result>(
  pieces: AsyncIterable<Piece, Result> | Iterable<Piece, Result>,
  signal?: AbortSignal,
): AsyncGenerator<Piece, Result, void> {
  const iterator = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
  let ended = false
  try {
    for (;;) {
      const next = await iterator.next()
      if (next.done === true) {
        ended = true
        return next.value
      }
      await giveTurn(signal)
      yield next.value
    }
  } finally {
    if (!ended) await iterator.return?.()
  }
}
