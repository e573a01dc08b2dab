/**
 * Scopes give temporaries back. Tensors made inside `scope` live in the device's step arena and are released
 * when it ends, unless they are part of what the body returns (those pass to the scope around it, or to the
 * caller). Tensors made outside any scope live in the device's heap until they are disposed.
 */
import type { AnyDevice, Arena, Storage } from '../devices/device.ts'
import { expectSynchronous } from '../errors.ts'

/** What a scope can hold: a tensor, of which it needs to know no more. */
interface Member {
  dispose(): void
}

interface Scope {
  /** With what each holds. */
  readonly members: Map<Member, Storage>
  readonly arena: Arena | undefined
}

let active: Scope | undefined

/**
 * Runs `body` and releases the tensors it made, except those it returns (in arrays, maps, plain objects, and
 * objects that iterate over tensors, as `States` does).
 *
 * @throws StateError if the body is asynchronous
 */
export function scope<T>(body: () => T, arena: Arena | undefined = active?.arena): T {
  const outer = active
  const inner: Scope = { members: new Map(), arena }
  active = inner
  const kept = new Set<unknown>()
  try {
    const result = body()
    expectSynchronous('scope', result)
    collect(result, kept)
    return result
  } finally {
    active = outer
    for (const [member, storage] of inner.members) {
      if (kept.has(member)) track(member, storage)
      else member.dispose()
    }
  }
}

/**
 * Runs `body` as if outside any scope: what it makes lives in the heap until disposed.
 *
 * @throws StateError if the body is asynchronous
 */
export function persistent<T>(body: () => T): T {
  const outer = active
  active = undefined
  try {
    const result = body()
    expectSynchronous('persistent', result)
    return result
  } finally {
    active = outer
  }
}

/** The arena that a new tensor gets its memory from now. */
export function currentArena(device: AnyDevice): Arena {
  return active === undefined ? device.heap : (active.arena ?? device.arena)
}

/**
 * Hands a new tensor to the scope around it. Without one, the tensor is its user's to dispose, and its memory
 * is caught if it is dropped instead.
 */
export function track(tensor: Member, storage: Storage): void {
  if (active) active.members.set(tensor, storage)
  else storage.catchIfDropped()
}

function collect(value: unknown, into: Set<unknown>): void {
  if (typeof value !== 'object' || value === null || into.has(value)) return
  into.add(value)
  if (Array.isArray(value)) for (const item of value) collect(item, into)
  else if (value instanceof Map) for (const item of value.values()) collect(item, into)
  else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) collect(item, into)
  } else if (Symbol.iterator in value && !ArrayBuffer.isView(value)) {
    for (const item of value as Iterable<unknown>) collect(item, into)
  }
}
