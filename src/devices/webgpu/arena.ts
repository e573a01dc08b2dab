/** Pools of GPU buffers by size class. A storage is one buffer. */
import { DeviceError, StateError } from '../../errors.ts'
import type { Arena, DType } from '../device.ts'
import { memoryEnded, Storage } from '../storage.ts'
import { notDropped, whenDropped } from '../dropped.ts'
import { bytesOf } from '../dtype.ts'

export const USAGE = { MAP_READ: 0x1, COPY_SRC: 0x4, COPY_DST: 0x8, UNIFORM: 0x40, STORAGE: 0x80 } as const

/** A GPU buffer that goes from storage to storage. Its size is a multiple of 4 bytes. */
export interface PooledBuffer {
  /** Never used twice on one device. */
  readonly id: number
  readonly bytes: number
  readonly gpu: GPUBuffer
  /** The buffer is gone, or never was there because memory ran out. */
  destroyed: boolean
}

/** What an arena needs of its device. */
export interface BufferSource {
  readonly maxBytes: number
  createBuffer(bytes: number): PooledBuffer
  destroyBuffers(buffers: readonly PooledBuffer[]): void
}

export class WebGpuStorage extends Storage {
  readonly buffer: PooledBuffer
  readonly arena: WebGpuArena

  constructor(size: number, dtype: DType, buffer: PooledBuffer, arena: WebGpuArena) {
    super(size, dtype)
    this.buffer = buffer
    this.arena = arena
  }

  protected recycling(): () => void {
    return taking(this.arena, this.buffer)
  }
}

const taking = (arena: WebGpuArena, buffer: PooledBuffer) => (): void => arena.take(buffer)

const SMALLEST = 256

/** Eight classes between powers of two: at most an eighth is wasted. */
export function classOf(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 4)
  return Math.ceil(bytes / Math.max(step, SMALLEST)) * Math.max(step, SMALLEST)
}

export class WebGpuArena implements Arena {
  readonly #source: BufferSource
  /**
   * Free buffers of each class, by falling id: the oldest is taken first, whatever the order of the releases.
   */
  readonly #free = new Map<number, PooledBuffer[]>()
  readonly #all = new Set<PooledBuffer>()
  destroyed = false
  #used = 0
  #peak = 0
  #reserved = 0

  constructor(source: BufferSource) {
    this.#source = source
  }

  get usedBytes(): number {
    return this.#used
  }

  get peakBytes(): number {
    return this.#peak
  }

  get reservedBytes(): number {
    return this.#reserved
  }

  allocate(size: number, dtype: DType = 'f32'): Storage {
    if (this.destroyed) throw new StateError('memory was asked of an arena after it was destroyed')
    const wanted = size * bytesOf(dtype)
    const { maxBytes } = this.#source
    if (wanted > maxBytes) {
      throw new DeviceError('a tensor is larger than a WebGPU buffer can be', {
        expected: `at most ${maxBytes} bytes (maxStorageBufferBindingSize and maxBufferSize of this adapter)`,
        found: `${wanted} bytes`,
        hint: 'Split it, or make batch or length smaller',
      })
    }
    const bytes = Math.min(classOf(wanted), maxBytes)
    const buffer = this.#free.get(bytes)?.pop() ?? this.#create(bytes)
    this.#used += bytes
    this.#peak = Math.max(this.#peak, this.#used)
    return new WebGpuStorage(size, dtype, buffer, this)
  }

  /** Takes back a buffer that `allocate` gave. */
  take(buffer: PooledBuffer): void {
    if (!this.#all.has(buffer)) return
    this.#used -= buffer.bytes
    if (buffer.destroyed) {
      this.#all.delete(buffer)
      this.#reserved -= buffer.bytes
      return
    }
    const free = this.#free.get(buffer.bytes)
    if (!free) {
      this.#free.set(buffer.bytes, [buffer])
      return
    }
    let at = free.length
    while (at > 0 && free[at - 1].id < buffer.id) at--
    free.splice(at, 0, buffer)
  }

  resetPeak(): void {
    this.#peak = this.#used
  }

  /** Gives what is not in use back to the system. Recordings that used it must not be replayed. */
  trim(): void {
    const unused = [...this.#free.values()].flat()
    this.#free.clear()
    this.#drop(unused)
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    memoryEnded()
    notDropped(this)
    this.#free.clear()
    this.#drop([...this.#all])
    this.#used = 0
  }

  /** From now on the buffers also go back when nothing refers to the arena any more. */
  catchIfDropped(): void {
    const [source, all] = [this.#source, this.#all]
    whenDropped(this, () => source.destroyBuffers([...all]))
  }

  #create(bytes: number): PooledBuffer {
    const buffer = this.#source.createBuffer(bytes)
    this.#all.add(buffer)
    this.#reserved += bytes
    return buffer
  }

  #drop(buffers: readonly PooledBuffer[]): void {
    this.#source.destroyBuffers(buffers)
    for (const buffer of buffers) {
      this.#all.delete(buffer)
      this.#reserved -= buffer.bytes
    }
  }
}
