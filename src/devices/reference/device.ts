/**
 * The reference device: plain TypeScript over Float64Array. Slow and exact: it is the oracle that the other
 * devices are tested against. A launch is a closure.
 */
import { choicesFor } from '../choices.ts'
import { RecordingDevice, Storage, type Arena, type Device, type DType, type HostArray } from '../device.ts'

export type ReferenceLaunch = () => void

/** Every element, integers too, is a float64. */
export class ReferenceStorage extends Storage {
  readonly data: Float64Array
  readonly #arena: ReferenceArena

  constructor(words: number, arena: ReferenceArena) {
    super(words)
    this.data = new Float64Array(words)
    this.#arena = arena
  }

  protected recycle(): void {
    this.#arena.take(-this.words)
  }
}

class ReferenceArena implements Arena {
  usedBytes = 0
  peakBytes = 0

  get reservedBytes(): number {
    return this.peakBytes
  }

  allocate(words: number): Storage {
    this.take(words)
    return new ReferenceStorage(words, this)
  }

  take(words: number): void {
    this.usedBytes += 8 * words
    this.peakBytes = Math.max(this.peakBytes, this.usedBytes)
  }

  resetPeak(): void {
    this.peakBytes = this.usedBytes
  }

  destroy(): void {
    this.usedBytes = 0
  }
}

export class ReferenceDevice
  extends RecordingDevice<ReferenceLaunch, ReferenceLaunch>
  implements Device<ReferenceLaunch>
{
  readonly name = 'reference'
  readonly description = 'reference: float64 in plain TypeScript'
  readonly heap: Arena = new ReferenceArena()
  readonly arena: Arena = new ReferenceArena()
  readonly choices = choicesFor('reference')
  readonly offsetAlignment = 1

  createArena(): Arena {
    return new ReferenceArena()
  }

  write(storage: Storage, offset: number, data: HostArray): void {
    this.refuseWriteWhileRecording()
    ;(storage as ReferenceStorage).data.set(data, offset)
  }

  read(storage: Storage, offset: number, size: number, dtype: DType): Promise<HostArray> {
    const { data } = storage as ReferenceStorage
    const part = data.subarray(offset, offset + size)
    return Promise.resolve(dtype === 'i32' ? Int32Array.from(part) : Float32Array.from(part))
  }

  synchronize(): Promise<void> {
    return Promise.resolve()
  }

  destroy(): void {
    this.heap.destroy()
    this.arena.destroy()
  }

  protected compile(launch: ReferenceLaunch): ReferenceLaunch {
    return launch
  }

  protected execute(launches: readonly ReferenceLaunch[]): void {
    for (const launch of launches) launch()
  }
}
