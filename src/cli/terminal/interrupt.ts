const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/** What a process that a signal stopped gives back: 128 + SIGINT. */
export const INTERRUPTED = 130

/**
 * The first Ctrl-C (or SIGTERM) asks to stop, by the abort signal. The next one ends the process at once: it
 * meets no handler, which works even while this thread computes.
 */
export function stopOnInterrupt(onStop: () => void): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const release = (): void => {
    for (const signal of SIGNALS) process.off(signal, stop)
  }
  const stop = (): void => {
    // Both came while a step was computed: they are heard together.
    if (controller.signal.aborted) process.exit(INTERRUPTED)
    onStop()
    controller.abort()
    setImmediate(release)
  }
  for (const signal of SIGNALS) process.on(signal, stop)
  return { signal: controller.signal, release }
}
