import { expect, test } from 'vitest'
import { Tape, withTape } from '../autograd/tape.ts'
import { ReferenceDevice } from '../devices/reference/device.ts'
import { ShapeError, StateError } from '../errors.ts'
import { persistent, scope } from './scope.ts'
import { empty, tensor } from './tensor.ts'

const device = new ReferenceDevice()
const body = async (): Promise<void> => {}

test('the dtype follows the host array, and other arrays are refused', async () => {
  const arrays = [
    Float32Array.of(1.5),
    Uint16Array.of(0x3e00),
    Int32Array.of(-1),
    Uint32Array.of(2 ** 32 - 1),
  ]
  const tensors = arrays.map((values) => tensor(device, values))
  expect(tensors.map(({ dtype }) => dtype)).toEqual(['f32', 'f16', 'i32', 'u32'])
  expect(await Promise.all(tensors.map((x) => x.item()))).toEqual([1.5, 1.5, -1, 2 ** 32 - 1])
  const used = device.heap.usedBytes
  expect(() => tensor(device, Float32Array.of(1), [1], 'i32')).toThrow(
    /\[tensor\].*expected Int32Array for i32, found Float32Array/,
  )
  expect(() => tensor(device, [1, 2], [3])).toThrow(ShapeError)
  for (const wrong of [2.5, Number.NaN, 2 ** 31])
    expect(() => tensor(device, [1, wrong], [2], 'i32')).toThrow(
      `element 1] a value that the dtype cannot hold`,
    )
  expect(device.heap.usedBytes).toBe(used)
  expect(() => tensors[2].write(Float32Array.of(1))).toThrow(ShapeError)
})

test('parts are written and read by elements', async () => {
  const x = empty(device, [2, 3], 'i32')
  x.write(Int32Array.of(1, 2, 3, 4, 5, 6))
  x.write(Int32Array.of(7, 8), 4)
  expect(await x.read(2)).toEqual(Int32Array.of(3, 4, 7, 8))
  const second = x.view([3], 3)
  second.write(Int32Array.of(9), 1)
  expect(await x.read()).toEqual(Int32Array.of(1, 2, 3, 4, 9, 8))
  expect(await second.read(1, 2)).toEqual(Int32Array.of(9))
  expect(() => second.write(Int32Array.of(1, 2), 2)).toThrow(/at most 1 from 2 on, found 2/)
  expect(() => second.write(Int32Array.of(1))).toThrow(/expected 3, found 1/)
  await expect(second.read(0, 4)).rejects.toThrow(/elements outside the tensor; expected 0 to 3/)
})

test('asynchronous bodies are refused: what surrounds them ends before they do', () => {
  for (const [where, run] of Object.entries({
    scope: () => scope(body),
    persistent: () => persistent(body),
    withTape: () => withTape(new Tape(), body),
    // oxlint-disable-next-line typescript/no-misused-promises
    record: () => device.record(body),
  })) {
    expect(run, where).toThrow(StateError)
    expect(run, where).toThrow(`[${where}] the body must not be asynchronous`)
  }
})
