import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../../test/files.ts'
import { NumericsError, ShapeError } from '../../errors.ts'
import { Staging } from '../source.ts'
import { encodeRows } from './encode.ts'
import { TENSOR_TYPES_BY_NAME } from './types.ts'

interface Fixture {
  readonly dequantize: Readonly<Record<string, { readonly bytes: string; readonly values: string }>>
  readonly quantize: Readonly<Record<'values' | 'F16' | 'BF16' | 'Q8_0' | 'Q4_0', string>>
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
const floatsOf = (base64: string): Float32Array => new Float32Array(bytesOf(base64).buffer)

const fixture = JSON.parse(
  new TextDecoder().decode(await readTestFile('test/fixtures/gguf/blocks.json')),
) as Fixture

describe('quantised blocks give the values that the Python library gives, to the bit', () => {
  test('all types are there', () => {
    const quantised = [...TENSOR_TYPES_BY_NAME.values()].filter(({ block }) => block > 1)
    expect(Object.keys(fixture.dequantize).toSorted()).toEqual(quantised.map(({ name }) => name).toSorted())
  })

  test.each(Object.entries(fixture.dequantize))('%s', (name, { bytes, values }) => {
    const type = TENSOR_TYPES_BY_NAME.get(name)!
    expect(type.decode(bytesOf(bytes), name)).toEqual(floatsOf(values))
  })

  test('in the memory of a staging, whatever was there', () => {
    const staging = new Staging()
    staging.floats(4096).fill(7)
    const { bytes, values } = fixture.dequantize['Q6_K']
    const found = TENSOR_TYPES_BY_NAME.get('Q6_K')!.decode(bytesOf(bytes), '', staging)
    expect(found).toEqual(floatsOf(values))
    expect(found.buffer).toBe(staging.floats(1).buffer)
  })
})

describe('encoding', () => {
  test.each(['F16', 'BF16', 'Q8_0', 'Q4_0'] as const)('%s: the bytes of the Python library', (dtype) => {
    expect(encodeRows(dtype, floatsOf(fixture.quantize.values))).toEqual(bytesOf(fixture.quantize[dtype]))
  })

  test('F32: a copy', () => {
    const values = Float32Array.of(1, -0, Number.NaN, Infinity)
    const bytes = encodeRows('F32', values.subarray(1))
    expect(new Float32Array(bytes.buffer)).toEqual(values.subarray(1))
    bytes.fill(0)
    expect(values[3]).toBe(Infinity)
  })

  test.each(['F16', 'BF16'] as const)('%s: NaN and infinity stay what they are', (dtype) => {
    // The lowest bit of a NaN is the first to be lost.
    const values = new Float32Array(Uint32Array.of(0x7f800001, 0x7f800000, 0xff800000).buffer)
    const bytes = encodeRows(dtype, values)
    expect([...TENSOR_TYPES_BY_NAME.get(dtype)!.decode(bytes, '')]).toEqual([Number.NaN, Infinity, -Infinity])
  })

  test.each([
    ['F16', 65520],
    ['BF16', 3.4e38],
    ['Q8_0', 127 * 65520],
    ['Q4_0', -8 * 65520],
  ] as const)('%s: %s becomes no infinity', (dtype, value) => {
    const values = new Float32Array(32)
    values[3] = value
    expect(() => encodeRows(dtype, values, 'blk.0')).toThrow(NumericsError)
    expect(() => encodeRows(dtype, values, 'blk.0')).toThrow(`[blk.0] a value is too large`)
    values[3] = value * 0.99
    expect(encodeRows(dtype, values).length).toBeGreaterThan(0)
  })

  test.each(['Q8_0', 'Q4_0'] as const)('%s: what it cannot hold is refused', (dtype) => {
    const values = new Float32Array(64)
    values[40] = Number.NaN
    expect(() => encodeRows(dtype, values, 'w')).toThrow(/\[w\].*NaN at 40/)
    expect(() => encodeRows(dtype, values, 'w')).toThrow(NumericsError)
    expect(() => encodeRows(dtype, values.subarray(0, 33), 'w')).toThrow(ShapeError)
  })

  test.each(['Q8_0', 'Q4_0'] as const)('%s: numbers too small for a scale become zero', (dtype) => {
    const bytes = encodeRows(dtype, new Float32Array(32).fill(-1e-44))
    expect(new Set(TENSOR_TYPES_BY_NAME.get(dtype)!.decode(bytes, '').map(Math.abs))).toEqual(new Set([0]))
  })
})
