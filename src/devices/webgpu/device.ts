/**
 * The WebGPU device. Launches are encoded into one open compute pass, which is submitted when host data is written or
 * read, when someone waits, and now and then, so that the GPU does not wait for the host.
 */
import { DeviceError, StateError } from '../../errors.ts'
import {
  RecordingDevice,
  type AnyDevice,
  type Device,
  type DType,
  type HostArray,
  type Storage,
} from '../device.ts'
import { nameOf, openGpu, type OpenGpu, type WebGpuOptions } from './adapter.ts'
import { USAGE, WebGpuArena, type Block, type WebGpuStorage } from './arena.ts'
import { Failures, outOfMemory } from './failures.ts'
import { Groups } from './groups.ts'
import { MAX_GROUPS, type WebGpuLaunch } from './kernel.ts'
import { Pipelines } from './pipelines.ts'
import { Readback } from './readback.ts'

/** A launch that needs no further look. */
export interface CompiledLaunch {
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly x: number
  readonly y: number
  readonly z: number
}

/** Opens the GPU. Rejects with DeviceError if there is none, or only a software one that was not asked for. */
export async function openWebGpu(options: WebGpuOptions = {}): Promise<AnyDevice> {
  return new WebGpuDevice(await openGpu(options))
}

/** Dispatches after which a pass is submitted. */
const FLUSH_AFTER = 128

export class WebGpuDevice
  extends RecordingDevice<WebGpuLaunch, CompiledLaunch>
  implements Device<WebGpuLaunch>
{
  readonly name = 'webgpu'
  readonly description: string
  readonly heap: WebGpuArena
  readonly arena: WebGpuArena
  readonly offsetAlignment: number
  /** For what only WebGPU can say: features, limits. */
  readonly gpu: GPUDevice
  readonly #arenas = new Set<WebGpuArena>()
  readonly #failures: Failures
  readonly #pipelines: Pipelines
  readonly #groups: Groups
  readonly #readback: Readback
  #encoder: GPUCommandEncoder | undefined
  #pass: GPUComputePassEncoder | undefined
  #dispatches = 0
  #blocks = 0

  constructor({ device, info, software }: OpenGpu) {
    super()
    this.gpu = device
    this.description = `webgpu: ${nameOf(info)}${software ? ' (software)' : ''}${featuresOf(device)}`
    this.offsetAlignment = device.limits.minStorageBufferOffsetAlignment / 4
    this.#failures = new Failures(device)
    this.#pipelines = new Pipelines(device, this.#failures)
    this.#groups = new Groups(device)
    this.#readback = new Readback(device)
    this.heap = this.createArena()
    this.arena = this.createArena()
  }

  /** Pipelines compiled so far. */
  get pipelineCount(): number {
    return this.#pipelines.size
  }

  createArena(): WebGpuArena {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.gpu.limits
    const arena = new WebGpuArena({
      maxBytes: Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4) * 4,
      createBlock: (bytes) => this.#createBlock(bytes),
      destroyBlocks: (blocks) => this.#destroyBlocks(blocks),
    })
    this.#arenas.add(arena)
    return arena
  }

  write(storage: Storage, offset: number, data: HostArray): void {
    this.#failures.throwAny()
    this.refuseWriteWhileRecording()
    if (data.length === 0) return
    this.#flush()
    const { buffer } = blockOf(storage, 'write')
    this.gpu.queue.writeBuffer(buffer, 4 * offset, data as Float32Array<ArrayBuffer>)
  }

  async read(storage: Storage, offset: number, size: number, dtype: DType): Promise<HostArray> {
    this.#failures.throwAny()
    const bytes = size === 0 ? new ArrayBuffer(0) : await this.#readBytes(storage, 4 * offset, 4 * size)
    return dtype === 'i32' ? new Int32Array(bytes) : new Float32Array(bytes)
  }

  async synchronize(): Promise<void> {
    this.#failures.throwAny()
    this.#flush()
    await this.#failures.settle(this.gpu.queue.onSubmittedWorkDone())
  }

  destroy(): void {
    this.#failures.close(new DeviceError('the device was destroyed'))
    this.#pass?.end()
    this.#pass = this.#encoder = undefined
    for (const arena of this.#arenas) arena.destroy()
    this.#arenas.clear()
    this.gpu.destroy()
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
    let bound: GPUComputePipeline | undefined
    for (const { pipeline, group, x, y, z } of launches) {
      if (x * y * z === 0) continue
      if (this.#dispatches >= FLUSH_AFTER) this.#flush()
      if (!this.#pass) {
        this.#encoder = this.gpu.createCommandEncoder()
        this.#pass = this.#encoder.beginComputePass()
        bound = undefined
      }
      if (bound !== pipeline) this.#pass.setPipeline(pipeline)
      bound = pipeline
      this.#pass.setBindGroup(0, group)
      this.#pass.dispatchWorkgroups(x, y, z)
      this.#dispatches++
    }
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

  async #readBytes(storage: Storage, offset: number, size: number): Promise<ArrayBuffer> {
    const { buffer } = blockOf(storage, 'read')
    const staging = this.#readback.take(size)
    this.#flush((encoder) => encoder.copyBufferToBuffer(buffer, offset, staging, 0, size))
    try {
      await this.#failures.settle(staging.mapAsync(1, 0, size))
      return staging.getMappedRange(0, size).slice(0)
    } finally {
      this.#readback.give(staging)
    }
  }

  #createBlock(bytes: number): Block {
    this.#failures.throwAny()
    const usage = USAGE.STORAGE | USAGE.COPY_SRC | USAGE.COPY_DST
    const id = this.#blocks++
    const create = (): Block => {
      const buffer = this.gpu.createBuffer({ label: `block ${id}`, size: bytes, usage })
      return { id, bytes, buffer, destroyed: false }
    }
    return this.#failures.watch('out-of-memory', create, (_, block) => {
      block.destroyed = true
      return outOfMemory(bytes)
    })
  }

  #destroyBlocks(blocks: readonly Block[]): void {
    if (blocks.length === 0) return
    this.#flush()
    this.#groups.forget()
    for (const block of blocks) {
      block.destroyed = true
      block.buffer.destroy()
    }
  }
}

function blockOf(storage: Storage, what: string): Block {
  const { block } = storage as WebGpuStorage
  if (block.destroyed) throw new StateError('memory was used after its release', { where: what })
  return block
}

function featuresOf(device: GPUDevice): string {
  const shown = ['shader-f16', 'subgroups'].filter((name) => device.features.has(name))
  return shown.length > 0 ? `, ${shown.join(', ')}` : ''
}
