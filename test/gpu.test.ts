import { describe, expect, test } from 'vitest'
import { openAdapter, openGpu, openGpuDevice, whyNoGpu } from './gpu.ts'

describe.skipIf(whyNoGpu())('the GPU of the tests', () => {
  test('runs a compute shader', async () => {
    const device = await openGpuDevice()
    const doubled = await run(
      device,
      64,
      /* wgsl */ `
      @group(0) @binding(0) var<storage, read_write> out: array<f32>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
        out[id.x] = 2 * f32(id.x);
      }`,
    )
    expect([...doubled]).toEqual(Array.from({ length: 64 }, (_, i) => 2 * i))
  })

  test('has the language features that kernels rely on', async () => {
    const { wgslLanguageFeatures } = await openGpu()
    expect([...wgslLanguageFeatures]).toContain('packed_4x8_integer_dot_product')
  })

  test('has the limits that kernels rely on', async () => {
    const { limits } = await openAdapter()
    expect(limits.maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(10)
    expect(limits.maxComputeInvocationsPerWorkgroup).toBeGreaterThanOrEqual(256)
    expect(limits.maxComputeWorkgroupStorageSize).toBeGreaterThanOrEqual(16384)
  })
})

async function run(device: GPUDevice, length: number, code: string): Promise<Float32Array> {
  const size = 4 * length
  const out = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC })
  const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  const module = device.createShaderModule({ code })
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } })
  const entries = [{ binding: 0, resource: { buffer: out } }]
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
  pass.dispatchWorkgroups(length / 64)
  pass.end()
  encoder.copyBufferToBuffer(out, 0, read, 0, size)
  device.queue.submit([encoder.finish()])
  await read.mapAsync(GPUMapMode.READ)
  return new Float32Array(read.getMappedRange().slice(0))
}
