import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openTestGpu, whyNoGpu } from '../../../test/gpu.ts'
import { DeviceError, ShapeError, StateError } from '../../errors.ts'
import { tensor, empty, type Tensor } from '../../tensor/tensor.ts'
import { openWebGpu, type WebGpuDevice } from './device.ts'
import { defineKernel, gridOf, launch, type WebGpuLaunch } from './kernel.ts'

const axpy = defineKernel({
  name: 'axpy',
  bindings: { x: 'f32 view', bias: 'f32?', y: 'f32 rw' },
  uniforms: { size: 'u32', width: 'u32', factor: 'f32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let column = i % u.width;
      var value = u.factor * x[u.xOffset + (i / u.width) * u.xStride + column];
      if (HAS_BIAS) { value += bias[column]; }
      y[i] += value;
    }`,
})

function axpyOf(x: Tensor, y: Tensor, factor = 1, bias?: Tensor): WebGpuLaunch {
  return launch(axpy, {
    bindings: { x, y, bias },
    uniforms: { size: x.size, width: x.width, factor },
    constants: { WORKGROUP: 64 },
    grid: gridOf(x.size, 64),
  })
}

const broken = defineKernel({
  name: 'broken',
  bindings: { y: 'f32 rw' },
  uniforms: {},
  constants: {},
  body: /* wgsl */ `
    @compute @workgroup_size(1) fn main() {
      y[0] = missing;
    }`,
})

describe.skipIf(whyNoGpu())('the WebGPU device', () => {
  let device: WebGpuDevice
  beforeAll(async () => {
    device = await openTestGpu()
  })
  afterAll(() => device.destroy())

  test('says what it is', () => {
    expect(device.description).toMatch(/^webgpu: \w/)
    expect(device.offsetAlignment).toBeGreaterThanOrEqual(32)
  })

  test('reads what was written, in order with launches', async () => {
    const x = tensor(device, [1, 2, 3])
    const y = tensor(device, [0, 0, 0])
    device.run([axpyOf(x, y)])
    x.write(Float32Array.of(10, 20, 30))
    device.run([axpyOf(x, y)])
    x.write(Float32Array.of(7, 7, 7))
    expect([...(await y.read())]).toEqual([11, 22, 33])
    expect([...(await tensor(device, Int32Array.of(-1, 5)).read())]).toEqual([-1, 5])
  })

  test('halves are written in whole words, and read from any element on', async () => {
    const x = device.heap.allocate(5, 'f16')
    device.write(x, 0, Uint16Array.of(1, 2, 3, 4, 5))
    device.write(x, 2, Uint16Array.of(0x7c01, 0xffff))
    device.write(x, 4, Uint16Array.of(9))
    expect(await device.read(x, 0, 5)).toEqual(Uint16Array.of(1, 2, 0x7c01, 0xffff, 9))
    expect(await device.read(x, 1, 2)).toEqual(Uint16Array.of(2, 0x7c01))
    const half =
      (at: number, ...bits: number[]) =>
      () =>
        device.write(x, at, Uint16Array.from(bits))
    expect(half(1, 0, 0)).toThrow(/\[write\].*words of 4 bytes.*found elements 1 to 3 of 5/)
    expect(half(0, 0)).toThrow(ShapeError)
    expect(() => device.write(x, 0, Float32Array.of(1, 2))).toThrow(/expected Uint16Array for f16/)
  })

  test('views come with offset and stride, absent operands with their flag', async () => {
    const wide = tensor(
      device,
      Array.from({ length: 12 }, (_, i) => i),
      [3, 4],
    )
    const y = tensor(device, new Float32Array(6), [3, 2])
    const bias = tensor(device, [100, 200])
    device.run([axpyOf(wide.view([3, 2], 1, 4), y, 2)])
    expect([...(await y.read())]).toEqual([2, 4, 10, 12, 18, 20])
    device.run([axpyOf(wide.view([3, 2], 1, 4), y, 0, bias)])
    expect([...(await y.read())]).toEqual([102, 204, 110, 212, 118, 220])
  })

  test('recorded launches are run again on the same memory', async () => {
    const x = tensor(device, [1])
    const y = tensor(device, [0])
    const list = device.record(() => device.run([axpyOf(x, y), axpyOf(x, y, 10)]))
    expect(list.length).toBe(2)
    const pipelines = device.pipelineCount
    for (let i = 2; i < 300; i++) {
      x.write(Float32Array.of(i))
      device.replay(list)
    }
    expect(await y.item()).toBe((11 * 299 * 300) / 2)
    expect(device.pipelineCount).toBe(pipelines)
  })

  test('a list that was encoded ahead at a read sees what was written since, in order with other launches', async () => {
    const [x, y] = [tensor(device, [1]), tensor(device, [0])]
    const list = device.record(() => device.run(Array.from({ length: 70 }, () => axpyOf(x, y))))
    let want = 70
    for (let i = 2; i < 6; i++) {
      x.write(Float32Array.of(i))
      device.replay(list)
      device.run([axpyOf(x, y, 1000)])
      device.replay(list)
      want += 1140 * i
      expect(await y.item()).toBe(want)
    }
  })

  test('host data is refused while launches are recorded', () => {
    const x = tensor(device, [1])
    expect(() => device.record(() => x.write(Float32Array.of(2)))).toThrow(/recorded/)
    x.write(Float32Array.of(2))
  })

  test('nothing is a size, too', async () => {
    const [x, y] = [tensor(device, [], [0, 4]), empty(device, [0, 4])]
    device.run([axpyOf(x, y), { ...axpyOf(x, y), grid: [0] }])
    expect(await y.read()).toHaveLength(0)
    await device.synchronize()
  })

  test('a step gets the same buffers again', async () => {
    const arena = device.createArena()
    const step = (): number[] => {
      const storages = [10, 2000, 10].map((size) => arena.allocate(size))
      const ids = storages.map((storage) => (storage as unknown as { buffer: { id: number } }).buffer.id)
      for (const storage of storages) storage.release()
      return ids
    }
    expect(step()).toEqual(step())
    expect(arena.usedBytes).toBe(0)
    const storage = arena.allocate(10)
    arena.destroy()
    await expect(device.read(storage, 0, 1)).rejects.toThrow(StateError)
  })

  describe('says what is wrong', () => {
    test('with a kernel that does not compile', async () => {
      const y = tensor(device, [0])
      const run = (): void =>
        device.run([launch(broken, { bindings: { y }, uniforms: {}, constants: {}, grid: [1] })])
      run()
      const error = await y.read().catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(DeviceError)
      expect((error as Error).message).toMatch(
        /^\[broken\] the kernel does not compile; found \nline \d+:14: unresolved value 'missing'\n/,
      )
      expect((error as Error).message).toMatch(/\n +\d+ \| +y\[0\] = missing;\n +\^\n/)
      expect(run).toThrow(/broken/)
      expect(await y.item()).toBe(0)
    })

    test('with a missing operand', () => {
      const { bindings, ...rest } = axpyOf(tensor(device, [1]), tensor(device, [0]))
      expect(() => device.run([{ ...rest, bindings: { ...bindings, x: undefined } }])).toThrow(
        /\[axpy: x\] an operand is missing/,
      )
    })

    test('with an operand of another dtype', () => {
      const x = tensor(device, [1], [1], 'f16')
      expect(() => device.run([axpyOf(x, tensor(device, [0]))])).toThrow(
        /\[axpy: x\] has the wrong dtype; expected f32, found f16/,
      )
    })

    test('with memory that is read and written in one launch', () => {
      const x = tensor(device, [1, 2])
      expect(() => device.run([axpyOf(x, x)])).toThrow(/\[axpy: x and y\].*share memory/)
    })

    test('with a grid that is too large', () => {
      const one = axpyOf(tensor(device, [1]), tensor(device, [0]))
      expect(() => device.run([{ ...one, grid: [65536] }])).toThrow(/\[axpy\] a grid is too large/)
    })

    test('with more storage buffers than there are', () => {
      const y = tensor(device, [0])
      const names = Array.from(
        { length: device.gpu.limits.maxStorageBuffersPerShaderStage + 1 },
        (_, i) => `x${i}`,
      )
      const bindings = Object.fromEntries(names.map((name) => [name, 'f32?'] as const))
      const many = defineKernel({ name: 'many', bindings, uniforms: {}, constants: {}, body: broken.body })
      expect(() =>
        device.run([launch(many, { bindings: { x0: y }, uniforms: {}, constants: {}, grid: [1] })]),
      ).toThrow(/\[many\] the kernel needs more storage buffers.*at most \d+/)
    })

    test('with a tensor that is too large', () => {
      const words = device.gpu.limits.maxStorageBufferBindingSize / 4 + 1
      expect(() => empty(device, [words])).toThrow(/larger than a WebGPU buffer.*at most \d+ bytes/)
    })

    test('with memory that runs out', async () => {
      const original = device.gpu.popErrorScope.bind(device.gpu)
      vi.spyOn(device.gpu, 'popErrorScope').mockImplementationOnce(async () => {
        await original()
        return { message: 'no memory left' }
      })
      const lost = empty(device, [123_457])
      vi.restoreAllMocks()
      await expect(device.synchronize()).rejects.toThrow(/out of memory; found a buffer of \d+ bytes/)
      expect(() => lost.write(new Float32Array(123_457))).toThrow(StateError)
      lost.dispose()
      const other = tensor(device, new Float32Array(123_457).fill(3))
      expect((await other.read())[123_456]).toBe(3)
      other.dispose()
    })

    test('with a command that WebGPU refuses, once', async () => {
      device.gpu.createBuffer({ size: 16, usage: 0xffff })
      await expect(device.synchronize()).rejects.toThrow(/WebGPU refused a command.*usage/i)
      await device.synchronize()
    })
  })
})

describe.skipIf(whyNoGpu())('a WebGPU device that is gone', () => {
  test('fails every call after its loss', async () => {
    const device = await openTestGpu()
    const x = tensor(device, [1, 2])
    const y = tensor(device, [0, 0])
    const list = device.record(() => device.run([axpyOf(x, y)]))
    const reading = x.read()
    device.gpu.destroy()
    await expect(reading).rejects.toThrow(DeviceError)
    await device.gpu.lost
    await expect(device.synchronize()).rejects.toThrow(/the GPU device was lost.*load from a checkpoint/)
    await expect(x.read()).rejects.toThrow(/lost/)
    expect(() => x.write(Float32Array.of(1, 2))).toThrow(/lost/)
    expect(() => empty(device, [100_000])).toThrow(/lost/)
    expect(() => device.replay(list)).toThrow(/lost/)
    expect(() => device.run([])).toThrow(/lost/)
    device.destroy()
  })

  test('fails every call after destroy', async () => {
    const device = await openTestGpu()
    const x = tensor(device, [1])
    const waiting = device.synchronize()
    device.destroy()
    await expect(waiting).rejects.toThrow(/destroyed/)
    await expect(x.read()).rejects.toThrow(/destroyed/)
    device.destroy()
  })
})

test.skipIf(whyNoGpu())('a software adapter is refused unless asked for', async ({ skip }) => {
  const device = await openTestGpu()
  device.destroy()
  skip(!device.description.includes('(software)'), 'this GPU is a real one')
  await expect(openWebGpu()).rejects.toThrow(/computes on the CPU; found .*software: true/)
})
