import type { AnyDevice, DType, HostArray, Operand, Storage } from '../devices/device.ts'
import { dtypeOf, hostArrayFrom } from '../devices/dtype.ts'
import { fromHalves } from '../devices/half.ts'
import { DISPOSE } from '../disposal.ts'
import { ShapeError, StateError } from '../errors.ts'
import { currentArena, track } from './scope.ts'
import { showShape, sizeOf, type Shape } from './shape.ts'

/** The values of a tensor: of f32 and f16, of i32, of u32. */
export type Values = Float32Array | Int32Array | Uint32Array

/**
 * Numbers on a device, with a shape. The last axis is contiguous; all axes before it are rows, `rowStride`
 * elements apart. A tensor is a view on a storage that it holds until `dispose`, or until its scope ends.
 */
export class Tensor implements Operand {
  readonly device: AnyDevice
  readonly dtype: DType
  readonly shape: Shape
  readonly size: number
  readonly offset: number
  readonly rowStride: number
  readonly #storage: Storage
  #held = true

  /** Takes over one hold on `storage`. */
  constructor(device: AnyDevice, storage: Storage, shape: Shape, offset = 0, rowStride = shape.at(-1) ?? 1) {
    this.device = device
    this.#storage = storage
    this.dtype = storage.dtype
    this.shape = shape
    this.size = sizeOf(shape)
    this.offset = offset
    this.rowStride = rowStride
    track(this, storage)
  }

  /** The memory it is on. Throws StateError after its release, and after the end of its device. */
  get storage(): Storage {
    if (this.#storage.alive) return this.#storage
    throw this.#gone()
  }

  /** Length of the last axis; 1 for a scalar. */
  get width(): number {
    return this.shape.at(-1) ?? 1
  }

  /** Number of rows: the product of all axes but the last. */
  get rows(): number {
    return this.width === 0 ? 0 : this.size / this.width
  }

  /** Whether its rows lie side by side. */
  get contiguous(): boolean {
    return this.rowStride === this.width || this.rows <= 1
  }

  /**
   * Another tensor on the same storage, which holds it too. `offset` and `rowStride` count elements. The tape
   * does not see it: the views that operations make are seen.
   */
  view(shape: Shape = this.shape, offset: number = this.offset, rowStride?: number): Tensor {
    const stride = rowStride ?? (shape === this.shape ? this.rowStride : undefined)
    this.storage.retain()
    return new Tensor(this.device, this.#storage, shape, offset, stride)
  }

  /**
   * Copies host values in, row-major: all of them, or a part from element `begin` on. Contiguous tensors
   * only. An f16 tensor takes the nearest halves of a Float32Array (ties to even), or the bits of halves as a
   * Uint16Array.
   *
   * @throws ShapeError for the wrong number of values, or an array that does not fit the dtype. On WebGPU
   * also for a part of an f16 storage that does not begin and end between words of 4 bytes.
   */
  write(values: HostArray, begin?: number): void {
    this.#expectPlain('write')
    const from = begin ?? 0
    const room = this.size - from
    if (from < 0 || (begin === undefined ? values.length !== room : values.length > room)) {
      throw new ShapeError('wrong number of values', {
        where: 'write',
        expected: begin === undefined ? this.size : `at most ${room} from ${begin} on`,
        found: values.length,
      })
    }
    this.device.write(this.storage, this.offset + from, hostArrayFrom('write', this.dtype, values))
  }

  /**
   * The values, row-major: all of them, or elements `begin` up to `end`. A Float32Array for f32 and f16, an
   * Int32Array for i32, a Uint32Array for u32. Contiguous tensors only.
   */
  async read(begin = 0, end = this.size): Promise<Values> {
    this.#expectPlain('read')
    if (!(begin >= 0 && begin <= end && end <= this.size)) {
      throw new ShapeError('elements outside the tensor', {
        where: 'read',
        expected: `0 to ${this.size}`,
        found: `${begin} to ${end}`,
      })
    }
    const stored = await this.device.read(this.storage, this.offset + begin, end - begin)
    return stored instanceof Uint16Array ? fromHalves(stored) : stored
  }

  /** The value of a tensor of one element. */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ShapeError('not a single value', { where: 'item', found: showShape(this.shape) })
    return (await this.read())[0]
  }

  /** Gives up the hold on the storage. Safe to call again. */
  dispose(): void {
    if (!this.#held) return
    this.#held = false
    this.#storage.release()
  }

  [DISPOSE](): void {
    this.dispose()
  }

  #gone(): StateError {
    const ended = this.#storage.arena.destroyed
    const end = ended ? 'its device or arena was destroyed' : 'its release'
    return new StateError(`a tensor of shape ${showShape(this.shape)} was used after ${end}`, {
      hint: ended ? undefined : 'Return it from the scope that made it, or save it on the tape',
    })
  }

  #expectPlain(where: string): void {
    // The tape may still hold the memory of a tensor that its user has disposed.
    if (!this.#held) throw this.#gone()
    if (!this.contiguous) {
      throw new ShapeError('the tensor is a strided view', { where, hint: 'Call contiguous(tensor) first' })
    }
  }
}

/** A new tensor whose values are not set: kernels or `write` must fill it. */
export function empty(device: AnyDevice, shape: Shape, dtype: DType = 'f32'): Tensor {
  return new Tensor(device, currentArena(device).allocate(sizeOf(shape), dtype), shape)
}

/**
 * A new tensor with host values, row-major. Its dtype is that of the array if none is given: f16 for a
 * Uint16Array (bits of halves), f32 for plain numbers.
 *
 * @throws ShapeError for values that do not fill the shape, or an array that does not fit the dtype
 */
export function tensor(
  device: AnyDevice,
  values: HostArray | readonly number[],
  shape: Shape = [values.length],
  dtype: DType = dtypeOf(values),
): Tensor {
  if (values.length !== sizeOf(shape)) {
    throw new ShapeError('values do not fill the shape', {
      where: 'tensor',
      expected: `${sizeOf(shape)} for ${showShape(shape)}`,
      found: values.length,
    })
  }
  const host = hostArrayFrom('tensor', dtype, values)
  const created = empty(device, shape, dtype)
  try {
    created.write(host)
    return created
  } catch (error) {
    created.dispose()
    throw error
  }
}
