/**
 * Modules note what they compute, and an observer is given it. Without an observer, a note is one comparison.
 */
import * as v from 'valibot'
import { callback, check, optionsOf } from '../check.ts'
import { withTape } from '../autograd/tape.ts'
import { isRecording } from '../devices/device.ts'
import { expectSynchronous, StateError } from '../errors.ts'
import { contiguous } from '../ops/index.ts'
import { scope } from '../tensor/scope.ts'
import type { Tensor } from '../tensor/tensor.ts'

/**
 * Is given what modules note. `path` is the place of the module in the tree of what runs, as
 * `backbone.layers.3.mixer`; `name` is what the field's tools call the tensor. The guide "Look inside"
 * (docs/guides/observe.md) lists names and shapes.
 *
 * The tensor is contiguous, and valid until the observer returns. A `tensor.read()` that begins in the
 * observer gives the values of that moment, whenever it ends. The observer must not change the tensor, and
 * must not be asynchronous.
 */
export type Observer = (path: string, name: string, tensor: Tensor) => void

/** What is looked at. */
export interface ObserveOptions {
  /**
   * The names to be observed. Default: all. Some tensors are made for an observer alone: name what you want
   * where texts are long.
   */
  readonly names?: Iterable<string>
}

const readOptions = optionsOf<ObserveOptions>({
  names: v.custom<Iterable<string>>(
    (value) => typeof value === 'object' && value !== null && Symbol.iterator in value,
    'a list of names',
  ),
})

interface Observation {
  readonly observer: Observer
  readonly names: ReadonlySet<string> | undefined
  /** Where the module is that runs now. */
  readonly path: string
}

let active: Observation | undefined

/**
 * Runs `body` and gives the observer what modules note in it, on any device, with a tape or without. Results
 * and gradients of `body` have the same bits as unobserved. What the observer itself runs is neither observed
 * nor recorded on a tape. An observation within another one takes its place.
 *
 * @throws StateError if the body or the observer is asynchronous, or if a device records launches meanwhile:
 *   a replay of them runs no modules, so that nothing would be noted
 */
export function observe<T>(body: () => T, observer: Observer, options: ObserveOptions = {}): T {
  const { names } = readOptions(options, 'observe')
  check(body, callback, 'observe: body')
  check(observer, callback, 'observe: observer')
  expectNoRecording('observe')
  const result = withObservation({ observer, names: names && new Set(names), path: '' }, body)
  expectSynchronous('observe', result)
  return result
}

/** Gives the observer, if there is one, a tensor; or the one that a function then computes. */
export function note(name: string, value: Tensor | (() => Tensor)): void {
  if (active === undefined) return
  const { observer, names, path } = active
  const where = `observe: ${path === '' ? name : `${path} ${name}`}`
  expectNoRecording(where)
  if (names && !names.has(name)) return
  aside(() => {
    const tensor = contiguous(typeof value === 'function' ? value() : value)
    const answer: unknown = observer(path, name, tensor)
    if (answer instanceof Promise) {
      // Nobody waits for it: its own failure is nobody's either.
      answer.catch(() => undefined)
      throw new StateError('the observer must not be asynchronous', {
        where,
        hint: 'Begin to read there, and wait after observe: reads.push(tensor.read())',
      })
    }
  })
}

/**
 * Runs `body`, which computes and notes what nothing else needs, if there is an observer. Its temporaries are
 * given back.
 */
export function ifObserved(body: () => void): void {
  if (active === undefined) return
  expectNoRecording(`observe: ${active.path}`)
  scope(() => withTape(undefined, body))
}

/** Runs `body`, which is what a module does at `path` within the one that runs now: the path of its notes. */
export function underPath<T>(path: string, body: () => T): T {
  if (active === undefined) return body()
  return withObservation({ ...active, path: active.path === '' ? path : `${active.path}.${path}` }, body)
}

/** Runs `body` without an observer: what was observed before is computed again there. */
export function unobserved<T>(body: () => T): T {
  return active === undefined ? body() : withObservation(undefined, body)
}

/** Runs `body` for an observer: off the tape, unobserved, and in a scope of its own. */
function aside(body: () => void): void {
  scope(() => withTape(undefined, () => withObservation(undefined, body)))
}

function withObservation<T>(observation: Observation | undefined, body: () => T): T {
  const outer = active
  active = observation
  try {
    return body()
  } finally {
    active = outer
  }
}

function expectNoRecording(where: string): void {
  if (!isRecording()) return
  throw new StateError('what a device records cannot be observed', {
    where,
    hint: 'Observe the same modules outside device.record',
  })
}
