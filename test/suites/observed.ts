/** What modules note, on the host. */
import { observe, type ObserveOptions } from '../../src/nn/observe.ts'
import { scope } from '../../src/tensor/scope.ts'

export interface Noted {
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
}

/** Everything that is noted while `body` runs, by `path name`, in order. */
export async function observed(
  body: () => unknown,
  options?: ObserveOptions,
): Promise<Map<string, readonly Noted[]>> {
  const reads: (readonly [string, readonly number[], Promise<ArrayLike<number>>])[] = []
  scope(() => {
    observe(
      () => void body(),
      (path, name, x) => reads.push([`${path} ${name}`.trim(), x.shape, x.read()]),
      options,
    )
  })
  const notes = new Map<string, Noted[]>()
  for (const [name, shape, read] of reads) {
    notes.set(name, [...(notes.get(name) ?? []), { shape, data: await read }])
  }
  return notes
}
