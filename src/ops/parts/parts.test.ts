import { expect, test, vi } from 'vitest'
import { planOf } from '../../devices/webgpu/header.ts'
import type * as kernelModule from '../../devices/webgpu/kernel.ts'
import '../kernels/webgpu.ts'

const { defined } = vi.hoisted(() => ({ defined: new Set<kernelModule.Kernel>() }))

vi.mock('../../devices/webgpu/kernel.ts', async (original) => ({
  ...(await original<typeof kernelModule>()),
  defineKernel: (kernel: kernelModule.Kernel) => {
    defined.add(kernel)
    return kernel
  },
}))

// All but that of rope, which is made for its angles when it is launched.
test('the parts of all WebGPU kernels fit together', () => {
  expect(defined.size).toBeGreaterThan(100)
  for (const kernel of defined) planOf(kernel)
})
