/** Pools of GPU buffers by size class. A storage is one buffer. */
import { DeviceError } from '../../errors.ts'
import { Storage, type Arena } from '../device.ts'

export const USAGE = { MAP_READ: 0x1, COPY_SRC: 0x4, COPY_DST: 0x8, UNIFORM: 0x40, STORAGE: 0x80 } as const

/** A buffer that goes from storage to storage. */
export interface Block {
  /** Never used twice on one device. */
  readonly id: number
  readonly bytes: number
  readonly buffer: GPUBuffer
  /** Gone, or never there: memory ran out. */
  destroyed: boolean
}

/** What an arena needs of its device. */
export interface BufferSource {
  readonly maxBytes: number
  createBlock(bytes: number): Block
  destroyBlocks(blocks: readonly Block[]): void
}

export class WebGpuStorage extends Storage {
  readonly block: Block
  readonly #arena: WebGpuArena

  constructor(words: number, block: Block, arena: WebGpuArena) {
    super(words)
    this.block = block
    this.#arena = arena
  }

  protected recycle(): void {
    this.#arena.take(this.block)
  }
}

const SMALLEST = 256

/** Eight classes between powers of two: at most an eighth is wasted. */
export function classOf(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 4)
  return Math.ceil(bytes / Math.max(step, SMALLEST)) * Math.max(step, SMALLEST)
}

export class WebGpuArena implements Arena {
  readonly #source: BufferSource
  /** Free blocks of each class, by falling id: the oldest is taken first, whatever the order of the releases. */
  readonly #free = new Map<number, Block[]>()
  readonly #all = new Set<Block>()
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

  allocate(words: number): Storage {
    const wanted = 4 * words
    const { maxBytes } = this.#source
    if (wanted > maxBytes) {
      throw new DeviceError('a tensor is larger than a WebGPU buffer can be', {
        expected: `at most ${maxBytes} bytes (maxStorageBufferBindingSize and maxBufferSize of this adapter)`,
        found: `${wanted} bytes`,
        hint: 'Split it, or make batch or length smaller',
      })
    }
    const bytes = Math.min(classOf(wanted), maxBytes)
    const block = this.#free.get(bytes)?.pop() ?? this.#create(bytes)
    this.#used += bytes
    this.#peak = Math.max(this.#peak, this.#used)
    return new WebGpuStorage(words, block, this)
  }

  /** A block comes back. */
  take(block: Block): void {
    if (!this.#all.has(block)) return
    this.#used -= block.bytes
    if (block.destroyed) {
      this.#all.delete(block)
      this.#reserved -= block.bytes
      return
    }
    const free = this.#free.get(block.bytes)
    if (!free) {
      this.#free.set(block.bytes, [block])
      return
    }
    let at = free.length
    while (at > 0 && free[at - 1].id < block.id) at--
    free.splice(at, 0, block)
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
    this.#free.clear()
    this.#drop([...this.#all])
    this.#used = 0
  }

  #create(bytes: number): Block {
    const block = this.#source.createBlock(bytes)
    this.#all.add(block)
    this.#reserved += bytes
    return block
  }

  #drop(blocks: readonly Block[]): void {
    this.#source.destroyBlocks(blocks)
    for (const block of blocks) {
      this.#all.delete(block)
      this.#reserved -= block.bytes
    }
  }
}
