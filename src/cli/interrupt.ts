/**
 * The first Ctrl-C (or SIGTERM) asks to stop, by the abort signal. The next one meets no handler and ends the process at once,
 * even while it computes.
 */
export function stopOnInterrupt(onStop: () => void): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const release = (): void => {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
  const stop = (): void => {
    release()
    onStop()
    controller.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return { signal: controller.signal, release }
}
