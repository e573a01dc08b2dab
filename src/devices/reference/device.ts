/**
 * The reference device: plain TypeScript over Float64Array. It is slow and exact: it is the oracle that the
 * other devices are tested against. A launch is a closure.
 */
import { DeviceError, StateError } from '../../errors.ts'
import { choicesFor } from '../choices.ts'
import { RecordingDevice, type Arena, type Device, type DType, type HostArray } from '../device.ts'
import { expectHostArray, hostArray } from '../dtype.ts'
import { fromHalves, halfBits } from '../half.ts'
import { memoryEnded, Storage } from '../storage.ts'
import { giveTurn } from '../../turn.ts'

export interface ReferenceLaunch {
  (): void
  /** What it reads and writes. A recording keeps it. */
  readonly storages?: readonly Storage[]
}

/**
 * Every element, whatever its dtype, is a float64 that holds its value. Half-precision storages hold values
 * that half precision has: `write` gets such values, and `referenceKernel` rounds what an operation computed.
 */
export class ReferenceStorage extends Storage {
  readonly data: Float64Array
  readonly arena: ReferenceArena

  constructor(size: number, dtype: DType, arena: ReferenceArena) {
    super(size, dtype)
    this.data = float64s(size)
    this.arena = arena
  }

  protected recycling(): () => void {
    return uncounting(this.arena, this.data.byteLength)
  }
}

const uncounting = (arena: ReferenceArena, bytes: number) => (): void => arena.count(-bytes)

function float64s(size: number): Float64Array {
  try {
    return new Float64Array(size)
  } catch (cause) {
    throw new DeviceError('out of memory', {
      where: 'reference',
      found: `${8 * size} bytes for ${size} elements`,
      hint: 'Make the batch or the length smaller',
      cause,
    })
  }
}

/** Memory comes from the garbage collector. The counters tell what storages hold: 8 bytes an element. */
class ReferenceArena implements Arena {
  usedBytes = 0
  peakBytes = 0
  destroyed = false

  get reservedBytes(): number {
    return this.usedBytes
  }

  allocate(size: number, dtype: DType = 'f32'): Storage {
    if (this.destroyed) throw new StateError('memory was asked of an arena after it was destroyed')
    const storage = new ReferenceStorage(size, dtype, this)
    this.count(storage.data.byteLength)
    return storage
  }

  count(bytes: number): void {
    if (this.destroyed) return
    this.usedBytes += bytes
    this.peakBytes = Math.max(this.peakBytes, this.usedBytes)
  }

  resetPeak(): void {
    this.peakBytes = this.usedBytes
  }

  destroy(): void {
    this.destroyed = true
    memoryEnded()
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
    this.expectOpen()
    return new ReferenceArena()
  }

  write(storage: Storage, offset: number, data: HostArray): void {
    this.expectOpen()
    this.refuseWriteWhileRecording()
    expectHostArray('write', storage.dtype, data)
    ;(storage as ReferenceStorage).data.set(data instanceof Uint16Array ? fromHalves(data) : data, offset)
  }

  async read(storage: Storage, offset: number, size: number): Promise<HostArray> {
    this.expectOpen()
    const values = (storage as ReferenceStorage).data.subarray(offset, offset + size)
    const host = hostArray(storage.dtype, new ArrayBuffer(size * storage.elementBytes))
    host.set(host instanceof Uint16Array ? values.map(halfBits) : values)
    await giveTurn()
    return host
  }

  async synchronize(): Promise<void> {
    this.expectOpen()
    await giveTurn()
  }

  protected end(): void {
    this.heap.destroy()
    this.arena.destroy()
  }

  protected storagesOf(launch: ReferenceLaunch): readonly Storage[] {
    return launch.storages ?? []
  }

  protected compile(launch: ReferenceLaunch): ReferenceLaunch {
    return launch
  }

  protected execute(launches: readonly ReferenceLaunch[]): void {
    for (const launch of launches) launch()
  }
}
