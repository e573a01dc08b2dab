import { describe, expect, test } from 'vitest'
import { bytesOf, DTYPES } from '../../src/devices/dtype.ts'
import { fromHalves, halfBits, halfIsWild, roundToHalf, toHalves } from '../../src/devices/half.ts'
import { ShapeError } from '../../src/errors.ts'
import {
  accumulate,
  add,
  cast,
  contiguous,
  copyInto,
  slice,
  withGradients,
  zeros,
} from '../../src/ops/index.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { testDevices } from '../devices.ts'

const ALL_BITS = Uint16Array.from({ length: 65536 }, (_, bits) => bits)

/**
 * Every half, what lies midway between two and a little to either side of it, and what is beyond all of them.
 */
function hardFloats(): Float32Array {
  const values = fromHalves(ALL_BITS)
  const finite = [...values].filter((_, bits) => !halfIsWild(bits) && !halfIsWild(bits + 1))
  const middles = finite.map((value) => (value + fromHalves(Uint16Array.of(halfBits(value) + 1))[0]) / 2)
  const nudged = middles.flatMap((middle) => [middle * (1 + 2 ** -23), middle * (1 - 2 ** -23)])
  const beyond = [65519.9, 65520, 65536, 3e38, Infinity, NaN, 2 ** -25, 2 ** -26, 1e-40, 1e-45]
  return Float32Array.from([...values, ...middles, ...nudged, ...beyond, ...beyond.map((x) => -x)])
}

/** The bits as the device has them. */
async function bitsOf(x: Tensor): Promise<number[]> {
  return [...(await x.device.read(x.storage, x.offset, x.size))]
}

const sameHalf = (a: number, b: number): boolean =>
  a === b || ((a & 0x7fff) > 0x7c00 && (b & 0x7fff) > 0x7c00)

describe('half-precision numbers on the host', () => {
  test('a float64 is rounded once', () => {
    const floats = hardFloats()
    expect(floats.map(roundToHalf)).toEqual(fromHalves(toHalves(floats)))
    // In two steps, by way of float32, this would be 1.
    expect(roundToHalf(1 + 2 ** -11 + 2 ** -40)).toBe(1 + 2 ** -10)
    expect(roundToHalf(-1 - 2 ** -11)).toBe(-1)
  })
})

testDevices(
  'half precision',
  (device) => {
    test('every half becomes its f32, and every f32 the nearest half', async () => {
      const halves = tensor(device(), ALL_BITS)
      expect(halves.dtype).toBe('f16')
      const values = fromHalves(ALL_BITS)
      expect(await halves.read()).toEqual(values)
      expect(await cast(halves, 'f32').read()).toEqual(values)

      const floats = hardFloats()
      const wanted = toHalves(floats)
      const found = await bitsOf(cast(tensor(device(), floats), 'f16'))
      const wrong = found.findIndex((bits, i) => !sameHalf(bits, wanted[i]))
      expect(wrong < 0 ? [] : [floats[wrong], wanted[wrong], found[wrong]]).toEqual([])
    })

    test('values are rounded where they are written, and bits are kept where they are copied', async () => {
      const x = tensor(device(), [1, 2 ** -24, 65520, 1 + 2 ** -11, -0.1], [5], 'f16')
      expect([...(await x.read())]).toEqual([1, 2 ** -24, Infinity, 1, roundToHalf(-0.1)])
      expect([...(await x.read(1, 4))]).toEqual([2 ** -24, Infinity, 1])
      x.write(Float32Array.of(3, 4), 2)
      expect([...(await x.read(1, 5))]).toEqual([2 ** -24, 3, 4, roundToHalf(-0.1)])
      expect(() => x.write(Int32Array.of(1, 2, 3, 4, 5))).toThrow(/expected Uint16Array for f16/)
      const signalling = tensor(device(), Uint16Array.of(0, 0x7c01, 0xfdff), [3], 'f16')
      const copied = contiguous(slice(signalling, 0, 1, 3))
      if (device().name !== 'reference') expect(await bitsOf(copied)).toEqual([0x7c01, 0xfdff])
    })

    test('odd sizes and odd views leave their neighbours alone', async () => {
      const x = tensor(device(), [...Array(15).keys()], [3, 5], 'f16')
      const columns = slice(x, 1, 1, 4)
      expect([...(await contiguous(columns).read())]).toEqual([1, 2, 3, 6, 7, 8, 11, 12, 13])
      expect([...(await cast(columns, 'f32').read())]).toEqual([1, 2, 3, 6, 7, 8, 11, 12, 13])
      expect([...(await contiguous(slice(x, 0, 1, 2)).read())]).toEqual([5, 6, 7, 8, 9])
      copyInto(slice(x, 0, 0, 1), tensor(device(), [50, 51, 52, 53, 54], [1, 5], 'f16'))
      const changed = [50, 51, 52, 53, 54, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
      expect([...(await x.read())]).toEqual(changed)
      const last = slice(x, 0, 2, 3)
      if (device().offsetAlignment > 1) {
        expect(() => copyInto(last, zeros(device(), [1, 5], 'f16'))).toThrow(
          /\[copyInto: into\].*cannot be changed in place; expected .* multiple of \d+ bytes.*from byte 20 on/,
        )
      } else {
        copyInto(last, zeros(device(), [1, 5], 'f16'))
        expect([...(await x.read())]).toEqual([...changed.slice(0, 10), 0, 0, 0, 0, 0])
      }
    })

    test('gradients are cast back, through views too', async () => {
      const x = tensor(device(), [1, 2, 3, 4, 5, 6], [2, 3])
      const { gradients } = withGradients(
        [x],
        () => cast(slice(cast(x, 'f16'), 1, 1, 3), 'f32'),
        (y) => new Map([[y, tensor(device(), [0.1, 2, 3, 1e-9], [2, 2])]]),
      )
      const gradient = gradients.get(x)!
      expect(gradient.dtype).toBe('f32')
      expect([...(await gradient.read())]).toEqual([0, roundToHalf(0.1), 2, 0, 3, 0])
    })

    test('memory is counted in bytes', () => {
      const { heap } = device()
      const size = 1 << 16
      const grown = DTYPES.map((dtype) => {
        const before = heap.usedBytes
        const storage = heap.allocate(size, dtype)
        expect([storage.size, storage.bytes]).toEqual([size, size * bytesOf(dtype)])
        const used = heap.usedBytes - before
        storage.release()
        return used
      })
      // The reference device holds every element in 8 bytes.
      expect(grown).toEqual(
        DTYPES.map((dtype) => size * (device().name === 'reference' ? 8 : bytesOf(dtype))),
      )
    })

    test('an operation refuses a dtype that it has no kernel for', () => {
      const [half, word] = [tensor(device(), [1], [1], 'f16'), tensor(device(), [1], [1], 'u32')]
      const float = tensor(device(), [1])
      expect(() => add(float, half)).toThrow(/^\[binary: b\] has the wrong dtype; expected f32, found f16$/)
      expect(() => accumulate(half, half)).toThrow(/\[accumulate: into\].*expected f32 or i32, found f16/)
      expect(() => cast(word, 'f32')).toThrow(/\[cast: x\].*expected f32 or f16, found u32/)
      expect(() => copyInto(float, word)).toThrow(ShapeError)
    })
  },
  ['reference', 'wasm', 'webgpu'],
)
