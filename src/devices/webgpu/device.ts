/**
 * The WebGPU device. Launches are encoded into one open compute pass, which is submitted when host data is
 * written or read, when someone waits, and now and then, so that the GPU does not wait for the host.
 */
import { DeviceError } from '../../errors.ts'
import { choicesFor, type Choices, type ChoiceValues } from '../choices.ts'
import {
  deviceDestroyed,
  RecordingDevice,
  type AnyDevice,
  type Device,
  type HostArray,
  type LaunchList,
  type Storage,
} from '../device.ts'
import { notDropped, whenDropped } from '../dropped.ts'
import { expectHostArray, hostArray } from '../dtype.ts'
import { endGpu, nameOf, openGpu, type OpenGpu, type WebGpuOptions } from './adapter.ts'
import { USAGE, WebGpuArena, type PooledBuffer } from './arena.ts'
import { encode, type CompiledLaunch } from './encode.ts'
import { Failures, outOfMemory } from './failures.ts'
import { Groups } from './groups.ts'
import { MAX_GROUPS, type WebGpuLaunch } from './kernel.ts'
import { Pipelines } from './pipelines.ts'
import { Readback } from './readback.ts'
import { MATRIX_FEATURE } from './subgroup-matrix.ts'
import { bufferOf, wholeWords } from './words.ts'

/**
 * Opens the GPU. Rejects with DeviceError if there is none, or only a software one that was not asked for.
 */
export async function openWebGpu(options: WebGpuOptions = {}): Promise<AnyDevice> {
  const gpu = await openGpu(options)
  try {
    return new WebGpuDevice(gpu, options.choices)
  } catch (error) {
    endGpu(gpu.device)
    throw error
  }
}

/**
 * A pass is submitted after so many dispatches. They are few, so that the GPU begins while the host encodes
 * the next.
 */
const FLUSH_AFTER = 32

export class WebGpuDevice
  extends RecordingDevice<WebGpuLaunch, CompiledLaunch>
  implements Device<WebGpuLaunch>
{
  readonly name = 'webgpu'
  readonly description: string
  readonly heap: WebGpuArena
  readonly arena: WebGpuArena
  readonly choices: Choices
  readonly offsetAlignment: number
  /** The GPU itself, for what only WebGPU can say: features and limits. */
  readonly gpu: GPUDevice
  /** Whether products with f16 weights take the matrix units. */
  readonly subgroupMatrix: boolean
  readonly #failures: Failures
  readonly #pipelines: Pipelines
  readonly #groups: Groups
  readonly #readback: Readback
  #encoder: GPUCommandEncoder | undefined
  #pass: GPUComputePassEncoder | undefined
  #dispatches = 0
  #buffers = 0
  /** Lists replayed since the last read. */
  readonly #replayed = new Set<LaunchList>()
  /** Lists that are encoded for their next replay. A command buffer can be submitted only once. */
  readonly #ahead = new WeakMap<LaunchList, readonly GPUCommandBuffer[]>()

  constructor(
    { device, info, software, subgroupMatrix }: OpenGpu,
    choices: Partial<ChoiceValues> | undefined,
  ) {
    super()
    this.choices = choicesFor(software ? 'webgpu, software' : 'webgpu', choices)
    this.gpu = device
    this.subgroupMatrix = subgroupMatrix
    this.description = `webgpu: ${nameOf(info)}${software ? ' (software)' : ''}${featuresOf(device)}`
    this.offsetAlignment = device.limits.minStorageBufferOffsetAlignment
    this.#failures = new Failures(device)
    this.#pipelines = new Pipelines(device, this.#failures)
    this.#groups = new Groups(device)
    this.#readback = new Readback(device)
    this.heap = this.#newArena()
    this.arena = this.#newArena()
    whenDropped(this, () => endGpu(device))
  }

  /** Pipelines compiled so far. */
  get pipelineCount(): number {
    return this.#pipelines.size
  }

  createArena(): WebGpuArena {
    this.#failures.throwAny()
    const arena = this.#newArena()
    arena.catchIfDropped()
    return arena
  }

  #newArena(): WebGpuArena {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.gpu.limits
    return new WebGpuArena({
      maxBytes: Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4) * 4,
      createBuffer: (bytes) => this.#createBuffer(bytes),
      destroyBuffers: (buffers) => this.#destroyBuffers(buffers),
    })
  }

  write(storage: Storage, offset: number, data: HostArray): void {
    this.#failures.throwAny()
    this.refuseWriteWhileRecording()
    expectHostArray('write', storage.dtype, data)
    if (data.length === 0) return
    const words = data instanceof Uint16Array ? wholeWords(storage, offset, data) : data
    this.#flush()
    const buffer = bufferOf(storage, 'write')
    this.gpu.queue.writeBuffer(buffer, offset * storage.elementBytes, words as Float32Array<ArrayBuffer>)
  }

  async read(storage: Storage, offset: number, size: number): Promise<HostArray> {
    this.#failures.throwAny()
    const { dtype, elementBytes } = storage
    if (size === 0) return hostArray(dtype, new ArrayBuffer(0))
    return hostArray(dtype, await this.#readBytes(storage, offset * elementBytes, size * elementBytes))
  }

  async synchronize(): Promise<void> {
    this.#failures.throwAny()
    this.#flush()
    await this.#failures.settle(this.gpu.queue.onSubmittedWorkDone())
  }

  protected end(): void {
    this.#failures.close(deviceDestroyed('webgpu'))
    this.#pass?.end()
    this.#pass = this.#encoder = undefined
    this.heap.destroy()
    this.arena.destroy()
    notDropped(this)
    endGpu(this.gpu)
  }

  protected *storagesOf({ bindings }: WebGpuLaunch): Iterable<Storage> {
    for (const operand of Object.values(bindings)) if (operand) yield operand.storage
  }

  protected compile(launch: WebGpuLaunch): CompiledLaunch {
    this.#failures.throwAny()
    const { kernel, grid } = launch
    const [x, y = 1, z = 1] = grid
    if (Math.max(x, y, z) > MAX_GROUPS) {
      throw new DeviceError('a grid is too large', {
        where: kernel.name,
        expected: `at most ${MAX_GROUPS} workgroups along an axis`,
        found: `${x} x ${y} x ${z}`,
        hint: 'Use gridOf and flatGroup',
      })
    }
    const { pipeline, layout } = this.#pipelines.get(launch)
    return { pipeline, group: this.#groups.get(launch, layout), x, y, z }
  }

  protected execute(launches: readonly CompiledLaunch[]): void {
    this.#failures.throwAny()
    for (let first = 0; first < launches.length;) {
      if (this.#dispatches >= FLUSH_AFTER) this.#flush()
      if (!this.#pass) {
        this.#encoder = this.gpu.createCommandEncoder()
        this.#pass = this.#encoder.beginComputePass()
      }
      const some = launches.slice(first, first + FLUSH_AFTER - this.#dispatches)
      encode(this.#pass, some)
      this.#dispatches += some.length
      first += some.length
    }
  }

  /** Submits what was encoded ahead for this list, if something was. */
  override replay(list: LaunchList): void {
    this.#replayed.add(list)
    const ahead = this.#ahead.get(list)
    if (!ahead) {
      super.replay(list)
      return
    }
    this.#failures.throwAny()
    this.replayable(list)
    this.#ahead.delete(list)
    this.#flush()
    for (const commands of ahead) {
      this.#failures.watch('validation', () => this.gpu.queue.submit([commands]))
    }
  }

  /**
   * Encodes the lists replayed since the last read for their next time, while the host waits for the GPU
   * anyway.
   */
  #encodeAhead(): void {
    for (const list of this.#replayed) {
      if (this.#ahead.has(list) || !this.hasMemory(list)) continue
      this.#ahead.set(
        list,
        this.#failures.watch('validation', () => this.#encoded(this.replayable(list))),
      )
    }
    this.#replayed.clear()
  }

  #encoded(launches: readonly CompiledLaunch[]): GPUCommandBuffer[] {
    const buffers: GPUCommandBuffer[] = []
    for (let first = 0; first < launches.length; first += FLUSH_AFTER) {
      const encoder = this.gpu.createCommandEncoder()
      const pass = encoder.beginComputePass()
      encode(pass, launches.slice(first, first + FLUSH_AFTER))
      pass.end()
      buffers.push(encoder.finish())
    }
    return buffers
  }

  /** Ends the open pass, lets `more` add commands, and submits. */
  #flush(more?: (encoder: GPUCommandEncoder) => void): void {
    this.#pass?.end()
    this.#pass = undefined
    this.#dispatches = 0
    const encoder = this.#encoder ?? (more ? this.gpu.createCommandEncoder() : undefined)
    this.#encoder = undefined
    if (!encoder) return
    more?.(encoder)
    this.#failures.watch('validation', () => this.gpu.queue.submit([encoder.finish()]))
  }

  /**
   * Copies are made in whole words: up to three bytes around what is asked for come along, and are cut off.
   */
  async #readBytes(storage: Storage, offset: number, size: number): Promise<ArrayBuffer> {
    const buffer = bufferOf(storage, 'read')
    const first = Math.floor(offset / 4) * 4
    const copied = Math.ceil((offset + size) / 4) * 4 - first
    const staging = this.#readback.take(copied)
    this.#flush((encoder) => encoder.copyBufferToBuffer(buffer, first, staging, 0, copied))
    this.#encodeAhead()
    try {
      await this.#failures.settle(staging.mapAsync(1, 0, copied))
      return staging.getMappedRange(0, copied).slice(offset - first, offset - first + size)
    } finally {
      this.#readback.give(staging)
    }
  }

  #createBuffer(bytes: number): PooledBuffer {
    this.#failures.throwAny()
    const usage = USAGE.STORAGE | USAGE.COPY_SRC | USAGE.COPY_DST
    const id = this.#buffers++
    const create = (): PooledBuffer => {
      const gpu = this.gpu.createBuffer({ label: `storage ${id}`, size: bytes, usage })
      return { id, bytes, gpu, destroyed: false }
    }
    return this.#failures.watch('out-of-memory', create, (_, buffer) => {
      buffer.destroyed = true
      return outOfMemory(bytes)
    })
  }

  #destroyBuffers(buffers: readonly PooledBuffer[]): void {
    if (buffers.length === 0) return
    this.#flush()
    this.#groups.forget()
    for (const buffer of buffers) {
      buffer.destroyed = true
      buffer.gpu.destroy()
    }
  }
}

function featuresOf(device: GPUDevice): string {
  const shown = ['shader-f16', 'subgroups', MATRIX_FEATURE].filter((name) => device.features.has(name))
  return shown.length > 0 ? `, ${shown.join(', ')}` : ''
}
