/** Bind groups and the uniforms in them. Both are kept, and found again by what they hold. */
import { DeviceError, ShapeError, StateError } from '../../errors.ts'
import type { DType, Operand } from '../device.ts'
import { USAGE, type WebGpuStorage } from './arena.ts'
import { planOf, type Plan } from './header.ts'
import type { WebGpuLaunch } from './kernel.ts'
import type { Layout } from './pipelines.ts'

interface UniformSlot {
  readonly id: number
  readonly buffer: GPUBuffer
  readonly offset: number
  readonly size: number
}

const PAGE_BYTES = 65536
/** A cache that has grown so large is emptied. Recordings keep the groups that they hold. */
const MOST_GROUPS = 32768
const MOST_SLOTS = 16384

export class Groups {
  readonly #device: GPUDevice
  readonly #uniformAlignment: number
  readonly #groups = new Map<string, GPUBindGroup>()
  readonly #slots = new Map<string, UniformSlot>()
  /**
   * Buffers for absent operands, one for each binding: a buffer may stand only once in a launch that writes
   * it.
   */
  readonly #dummies: GPUBuffer[] = []
  #page: GPUBuffer | undefined
  #pageUsed = 0
  #nextSlot = 0

  constructor(device: GPUDevice) {
    this.#device = device
    this.#uniformAlignment = device.limits.minUniformBufferOffsetAlignment
  }

  get(launch: WebGpuLaunch, layout: Layout): GPUBindGroup {
    const { kernel, bindings } = launch
    const plan = planOf(kernel)
    let key = `${layout.id}`
    for (const { name, optional, view, dtype } of plan.bindings) {
      const operand = bindings[name]
      if (!operand) {
        if (!optional) throw new DeviceError('an operand is missing', { where: `${kernel.name}: ${name}` })
        key += ' -'
        continue
      }
      const { buffer } = operand.storage as WebGpuStorage
      if (buffer.destroyed)
        throw new StateError('memory was used after its release', { where: `${kernel.name}: ${name}` })
      if (dtype !== undefined && operand.storage.dtype !== dtype)
        throw wrongDType(kernel.name, name, dtype, operand)
      key += view ? ` ${buffer.id}` : ` ${buffer.id}:${operand.offset}:${operand.size}`
    }
    const slot = plan.uniforms.length > 0 ? this.#slotOf(launch, plan) : undefined
    if (slot) key += ` ${slot.id}`
    const known = this.#groups.get(key)
    if (known) return known
    checkAliases(launch, plan)
    if (this.#groups.size >= MOST_GROUPS) this.#groups.clear()
    const group = this.#create(launch, plan, layout, slot)
    this.#groups.set(key, group)
    return group
  }

  /** The device calls this when buffers are destroyed: groups would hold them. */
  forget(): void {
    this.#groups.clear()
  }

  #create(
    { kernel, bindings }: WebGpuLaunch,
    plan: Plan,
    layout: Layout,
    slot: UniformSlot | undefined,
  ): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = plan.bindings.map(({ name, view }, binding) => {
      const operand = bindings[name]
      if (!operand) return { binding, resource: { buffer: this.#dummy(binding) } }
      return { binding, resource: resourceOf(operand, view) }
    })
    if (slot) {
      const { buffer, offset, size } = slot
      entries.push({ binding: entries.length, resource: { buffer, offset, size } })
    }
    return this.#device.createBindGroup({ label: kernel.name, layout: layout.group, entries })
  }

  #dummy(slot: number): GPUBuffer {
    return (this.#dummies[slot] ??= this.#device.createBuffer({
      label: 'absent operand',
      size: 256,
      usage: USAGE.STORAGE,
    }))
  }

  #slotOf({ kernel, bindings, uniforms }: WebGpuLaunch, plan: Plan): UniformSlot {
    const words = new Uint32Array(plan.uniforms.length)
    const floats = new Float32Array(words.buffer)
    let at = 0
    for (const name in kernel.uniforms) {
      const value = uniforms[name]
      if (value === undefined)
        throw new DeviceError('a uniform is missing', { where: `${kernel.name}: ${name}` })
      if (kernel.uniforms[name] === 'f32') floats[at++] = value
      else words[at++] = value
    }
    for (const { name, view } of plan.bindings) {
      if (!view) continue
      words[at++] = bindings[name]?.offset ?? 0
      words[at++] = bindings[name]?.rowStride ?? 0
    }
    const key = words.join()
    const known = this.#slots.get(key)
    if (known) return known
    if (this.#slots.size >= MOST_SLOTS) {
      this.#slots.clear()
      this.#groups.clear()
      this.#page = undefined
    }
    const slot = this.#newSlot(words)
    this.#slots.set(key, slot)
    return slot
  }

  /** A slot is never overwritten: launches that are queued, or recorded, go on reading it. */
  #newSlot(words: Uint32Array<ArrayBuffer>): UniformSlot {
    const size = Math.ceil(words.byteLength / 16) * 16
    const step = Math.ceil(size / this.#uniformAlignment) * this.#uniformAlignment
    if (!this.#page || this.#pageUsed + step > PAGE_BYTES) {
      this.#page = this.#device.createBuffer({
        label: 'uniforms',
        size: PAGE_BYTES,
        usage: USAGE.UNIFORM | USAGE.COPY_DST,
      })
      this.#pageUsed = 0
    }
    const slot = { id: this.#nextSlot++, buffer: this.#page, offset: this.#pageUsed, size }
    this.#device.queue.writeBuffer(slot.buffer, slot.offset, words)
    this.#pageUsed += step
    return slot
  }
}

/**
 * Views are bound from the start of their buffer: offset and stride are uniforms. Bindings are whole words.
 */
function resourceOf({ storage, offset, size }: Operand, view: boolean): GPUBufferBinding {
  const { buffer, elementBytes } = storage as WebGpuStorage
  if (view) return { buffer: buffer.gpu }
  const bytes = Math.max(4, Math.ceil((size * elementBytes) / 4) * 4)
  if (size === 0) return { buffer: buffer.gpu, size: bytes }
  return { buffer: buffer.gpu, offset: offset * elementBytes, size: bytes }
}

function wrongDType(kernel: string, binding: string, expected: DType, { storage }: Operand): ShapeError {
  const where = `${kernel}: ${binding}`
  return new ShapeError('has the wrong dtype', { where, expected, found: storage.dtype })
}

/**
 * WebGPU forbids a buffer that is written to stand twice in one dispatch, even where the parts do not
 * overlap.
 */
function checkAliases({ kernel, bindings }: WebGpuLaunch, plan: Plan): void {
  const seen = new Map<number, { name: string; writes: boolean }>()
  for (const { name, writes } of plan.bindings) {
    const operand = bindings[name]
    if (!operand) continue
    const { id } = (operand.storage as WebGpuStorage).buffer
    const other = seen.get(id)
    if (other && (other.writes || writes)) {
      throw new DeviceError('two operands of a launch share memory that it writes', {
        where: `${kernel.name}: ${other.name} and ${name}`,
        hint: 'Bind it once with rw, or copy one of them',
      })
    }
    if (!other || writes) seen.set(id, { name, writes })
  }
}
