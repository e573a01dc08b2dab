import { describe, expect, test } from 'vitest'
import { whyNoGpu } from '../../../../test/gpu.ts'
import { matrixChecks } from '../../../../test/suites/subgroup-matrix.ts'
import { withMatrixFlags } from '../../../devices/webgpu/subgroup-matrix.ts'
import { DeviceError } from '../../../errors.ts'
import { openDevice } from '../../../ops/open-device.ts'

const open = () => openDevice('webgpu', { software: true, subgroupMatrix: true })
const missing = whyNoGpu() ?? (await open().then((device) => device.destroy(), String))

test('flags for Dawn are joined with those that were given', () => {
  expect(withMatrixFlags(['backend=vulkan', 'enable-dawn-features=dump_shaders'])).toEqual([
    'backend=vulkan',
    'enable-dawn-features=dump_shaders,allow_unsafe_apis,vulkan_enable_f16_on_nvidia',
  ])
})

test.skipIf(whyNoGpu() || !missing)(
  'a GPU without matrix units is refused, with what it offers',
  async () => {
    await expect(open()).rejects.toThrow(DeviceError)
    await expect(open()).rejects.toThrow(/matrix units.*chromium-experimental-subgroup-matrix/s)
  },
)

describe.skipIf(missing)('products on matrix units', () => {
  test.each(matrixChecks)('$name', async (check) => {
    const device = await open()
    await check.run(device)
    device.destroy()
  })
})
