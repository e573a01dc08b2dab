/** Elements that lie apart in a storage, gathered in the order of rows. */
import { stridesOf } from '../../tensor/shape.ts'
import { Staging, type FileSource } from '../source.ts'
import type { View } from './values.ts'

/** Bytes of a storage that are held at a time. */
export const WINDOW = 4 * 2 ** 20

interface Axis {
  readonly length: number
  /** Elements of the storage from one index to the next. */
  readonly from: number
  /** Elements of the result from one index to the next. */
  readonly to: number
}

/** A block of a view whose elements follow each other in the order of rows. */
interface Box {
  /** Its first element in the storage. */
  readonly from: number
  readonly axes: readonly Axis[]
}

/**
 * Writes elements `begin` up to `end` of `view`, of `width` bytes each, to `out`. The storage stands at
 * `start` of `source`. It is walked in its own order, window by window, whatever the order of the axes.
 */
export async function gather(
  view: View,
  width: number,
  { source, start, begin, end }: { source: FileSource; start: number; begin: number; end: number },
  out: Uint8Array,
): Promise<void> {
  const window = new Window(source, start, width)
  let to = 0
  for (const box of boxesOf(view, stridesOf(view.shape), 0, begin, end, view.offset)) {
    await copyBox(box, window, out.subarray(to * width))
    to += box.axes.reduce((size, { length }) => size * length, 1)
  }
}

/** Cuts elements `begin` up to `end` of axes `axis` and further into boxes, in order: at most two an axis. */
function* boxesOf(
  view: View,
  rows: readonly number[],
  axis: number,
  begin: number,
  end: number,
  from: number,
): Generator<Box> {
  const [row, stride] = [rows[axis], view.strides[axis]]
  const first = Math.ceil(begin / row)
  const last = Math.floor(end / row)
  const part = (index: number, begin: number, end: number): Generator<Box> =>
    boxesOf(view, rows, axis + 1, begin - index * row, end - index * row, from + index * stride)
  if (first > last) {
    yield* part(last, begin, end)
    return
  }
  if (begin < first * row) yield* part(first - 1, begin, first * row)
  if (first < last) {
    const lengths = [last - first, ...view.shape.slice(axis + 1)]
    const axes = lengths.map((length, i) => ({ length, from: view.strides[axis + i], to: rows[axis + i] }))
    yield { from: from + first * stride, axes }
  }
  if (last * row < end) yield* part(last, last * row, end)
}

/** Copies a box to the start of `out`: the axis with the largest step in the storage is the outermost. */
async function copyBox({ from, axes }: Box, window: Window, out: Uint8Array): Promise<void> {
  const outer = axes.filter(({ length }) => length > 1).toSorted((a, b) => b.from - a.from)
  const run = outer.pop() ?? { length: 1, from: 0, to: 0 }
  const last = axes.reduce((sum, axis) => sum + (axis.length - 1) * axis.from, from)
  const index = outer.map(() => 0)
  let to = 0
  for (;;) {
    for (let done = 0; done < run.length;) {
      const at = from + done * run.from
      if (!window.holds(at)) await window.load(at, last + 1)
      done += window.copy(at, { ...run, length: run.length - done }, out, to + done * run.to)
    }
    let axis = outer.length - 1
    while (axis >= 0 && ++index[axis] === outer[axis].length) {
      from -= (outer[axis].length - 1) * outer[axis].from
      to -= (outer[axis].length - 1) * outer[axis].to
      index[axis--] = 0
    }
    if (axis < 0) return
    from += outer[axis].from
    to += outer[axis].to
  }
}

/** A part of a storage in memory. */
class Window {
  readonly #source: FileSource
  readonly #start: number
  readonly #width: number
  readonly #staging = new Staging()
  #bytes = new Uint8Array(0)
  /** Elements of the storage. */
  #first = 0
  #end = 0

  constructor(source: FileSource, start: number, width: number) {
    this.#source = source
    this.#start = start
    this.#width = width
  }

  holds(at: number): boolean {
    return at >= this.#first && at < this.#end
  }

  /** Elements from `first` on, up to `end` at most. */
  async load(first: number, end: number): Promise<void> {
    this.#first = first
    this.#end = Math.min(end, first + WINDOW / this.#width)
    const range = [first, this.#end].map((element) => this.#start + element * this.#width)
    this.#bytes = await this.#source.read(range[0], range[1], this.#staging)
  }

  /**
   * Copies what the window holds of a run whose first element it holds, and says how many elements these
   * were.
   */
  copy(at: number, { length, from, to }: Axis, out: Uint8Array, target: number): number {
    const count = from === 0 ? length : Math.min(length, Math.floor((this.#end - 1 - at) / from) + 1)
    const width = this.#width
    const bytes = this.#bytes
    let source = (at - this.#first) * width
    let place = target * width
    if (from === 1 && to === 1) {
      out.set(bytes.subarray(source, source + count * width), place)
      return count
    }
    for (let i = 0; i < count; i++) {
      for (let byte = 0; byte < width; byte++) out[place + byte] = bytes[source + byte]
      source += from * width
      place += to * width
    }
    return count
  }
}
