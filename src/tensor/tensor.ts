import type { AnyDevice, DType, HostArray, Operand, Storage } from '../devices/device.ts'
import { ShapeError, StateError } from '../errors.ts'
import { currentArena, track } from './scope.ts'
import { showShape, sizeOf, type Shape } from './shape.ts'

/**
 * Numbers on a device, with a shape. The last axis is contiguous; all axes before it are rows, `rowStride` words apart.
 * A tensor is a view on a storage that it holds until `dispose`, or until its scope ends.
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
  constructor(
    device: AnyDevice,
    storage: Storage,
    dtype: DType,
    shape: Shape,
    offset = 0,
    rowStride = shape.at(-1) ?? 1,
  ) {
    this.device = device
    this.#storage = storage
    this.dtype = dtype
    this.shape = shape
    this.size = sizeOf(shape)
    this.offset = offset
    this.rowStride = rowStride
    track(this)
  }

  get storage(): Storage {
    if (!this.#storage.alive) {
      throw new StateError(`a tensor of shape ${showShape(this.shape)} was used after its release`, {
        hint: 'Return it from the scope that made it, or save it on the tape',
      })
    }
    return this.#storage
  }

  /** Length of the last axis; 1 for a scalar. */
  get width(): number {
    return this.shape.at(-1) ?? 1
  }

  /** Number of rows: the product of all axes but the last. */
  get rows(): number {
    return this.width === 0 ? 0 : this.size / this.width
  }

  get contiguous(): boolean {
    return this.rowStride === this.width || this.rows <= 1
  }

  /** Another tensor on the same storage, which holds it too. Not seen by the tape: operations make views that are. */
  view(shape: Shape = this.shape, offset: number = this.offset, rowStride?: number): Tensor {
    const stride = rowStride ?? (shape === this.shape ? this.rowStride : undefined)
    this.storage.retain()
    return new Tensor(this.device, this.#storage, this.dtype, shape, offset, stride)
  }

  /** Copies host values in, row-major. Contiguous tensors only. */
  write(values: HostArray): void {
    this.#expectPlain('write')
    if (values.length !== this.size) {
      throw new ShapeError('wrong number of values', {
        where: 'write',
        expected: this.size,
        found: values.length,
      })
    }
    this.device.write(this.storage, this.offset, values)
  }

  /** The values, row-major: Float32Array for f32, Int32Array for i32. Contiguous tensors only. */
  async read(): Promise<HostArray> {
    this.#expectPlain('read')
    return this.device.read(this.storage, this.offset, this.size, this.dtype)
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

  #expectPlain(where: string): void {
    if (!this.contiguous) {
      throw new ShapeError('the tensor is a strided view', { where, hint: 'Call contiguous(tensor) first' })
    }
  }
}

/** A new tensor whose values are not set: kernels or `write` must fill it. */
export function empty(device: AnyDevice, shape: Shape, dtype: DType = 'f32'): Tensor {
  return new Tensor(device, currentArena(device).allocate(sizeOf(shape)), dtype, shape)
}

/** A new tensor with host values, row-major. */
export function tensor(
  device: AnyDevice,
  values: HostArray | readonly number[],
  shape: Shape = [values.length],
  dtype: DType = values instanceof Int32Array ? 'i32' : 'f32',
): Tensor {
  const host =
    values instanceof Float32Array || values instanceof Int32Array
      ? values
      : dtype === 'i32'
        ? Int32Array.from(values)
        : Float32Array.from(values)
  if (host.length !== sizeOf(shape)) {
    throw new ShapeError('values do not fill the shape', {
      where: 'tensor',
      expected: `${sizeOf(shape)} for ${showShape(shape)}`,
      found: host.length,
    })
  }
  const made = empty(device, shape, dtype)
  made.write(host)
  return made
}
