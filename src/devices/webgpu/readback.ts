/** Buffers that the host can map. They are used again and again. */
import { classOf, USAGE } from './arena.ts'

/** Buffers of so many bytes in all are kept for later. Others are given back. */
const KEPT_BYTES = 64 * 2 ** 20

export class Readback {
  readonly #device: GPUDevice
  readonly #free: GPUBuffer[] = []
  #bytes = 0

  constructor(device: GPUDevice) {
    this.#device = device
  }

  take(size: number): GPUBuffer {
    const wanted = classOf(size)
    const at = this.#free.findIndex((buffer) => buffer.size === wanted)
    if (at < 0) {
      const usage = USAGE.MAP_READ | USAGE.COPY_DST
      return this.#device.createBuffer({ label: 'read back', size: wanted, usage })
    }
    this.#bytes -= wanted
    return this.#free.splice(at, 1)[0]
  }

  give(buffer: GPUBuffer): void {
    if (buffer.mapState !== 'mapped' || this.#bytes + buffer.size > KEPT_BYTES) {
      buffer.destroy()
      return
    }
    buffer.unmap()
    this.#bytes += buffer.size
    this.#free.push(buffer)
  }
}
