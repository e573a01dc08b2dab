/** Host writes and copies, as WebGPU has them: in words of 4 bytes, into a buffer that is still there. */
import { ShapeError, StateError } from '../../errors.ts'
import type { Storage } from '../device.ts'
import type { WebGpuStorage } from './arena.ts'

/** The GPU's buffer behind a storage. Throws StateError once it is destroyed. */
export function bufferOf(storage: Storage, where: string): GPUBuffer {
  const { buffer } = storage as WebGpuStorage
  if (buffer.destroyed) throw new StateError('memory was used after its release', { where })
  return buffer.gpu
}

/** The halves as whole words of 4 bytes. What lies behind the last element of a storage belongs to nobody. */
export function wholeWords(storage: Storage, offset: number, halves: Uint16Array): Uint16Array {
  const end = offset + halves.length
  if (offset % 2 !== 0 || (end % 2 !== 0 && end !== storage.size)) {
    throw new ShapeError('a part of an f16 tensor does not begin and end between words of 4 bytes', {
      where: 'write',
      expected: 'an even first element, and an even number of elements or all up to the end',
      found: `elements ${offset} to ${end} of ${storage.size}`,
      hint: 'Write the whole tensor',
    })
  }
  if (end % 2 === 0) return halves
  const padded = new Uint16Array(halves.length + 1)
  padded.set(halves)
  return padded
}
