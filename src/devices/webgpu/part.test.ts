import { expect, test } from 'vitest'
import { planOf, printKernel } from './header.ts'
import { defineKernel } from './kernel.ts'
import { part, PartError, unroll, type Part } from './part.ts'

const square = part({
  name: 'square',
  needs: [],
  gives: ['square'],
  text: 'fn square(x: f32) -> f32 { return x * x; }',
})
const shift = part({
  name: 'shift',
  needs: ['square', 'bias', 'HAS_BIAS', 'u.rows', 'u.xStride', 'KIND'],
  gives: ['shift'],
  text: /* wgsl */ `
    // The word other stands in a comment only, and member is one of a value.
    const OWN = 2u;
    fn shift(row: u32) -> f32 {
      var y = square(f32(row * u.xStride + u.rows + KIND + OWN));
      if (HAS_BIAS) { y += bias[row]; }
      return y + vec2f().member;
    }`,
})
const body = '@compute @workgroup_size(1) fn main() { y[0] = shift(0u); }'

function kernelOf(parts: readonly Part[], ownBody = body) {
  return defineKernel({
    name: 'shifted',
    bindings: { x: 'f32 view', bias: 'f32?', y: 'f32 rw' },
    uniforms: { rows: 'u32' },
    constants: { KIND: 'u32' },
    parts,
    body: ownBody,
  })
}

test('parts stand before the body, in their order', () => {
  const text = printKernel(kernelOf([square, shift]), { KIND: 1 }, [true, true, true])
  const places = ['const KIND', square.text, shift.text, body].map((piece) => text.indexOf(piece))
  expect(places).not.toContain(-1)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
})

test.each<[string, readonly Part[], string, string]>([
  ['needed and not given', [shift], body, 'the part shift needs the name square, which nothing gives'],
  [
    'given twice by parts',
    [square, shift, { ...square, name: 'other square' }],
    body,
    'the name square is given twice; expected one that gives it, found the part square and the part other square',
  ],
  [
    'given by a part and the body',
    [square, shift],
    `${body} fn square(x: f32) -> f32 { return x; }`,
    'the name square is given twice; expected one that gives it, found the part square and the body',
  ],
  [
    'given by a part and a binding',
    [square, { ...shift, text: `${shift.text} var<private> bias: f32;` }],
    body,
    'the name bias is given twice; expected one that gives it, found the header and the part shift',
  ],
  [
    'given and not declared',
    [{ ...square, gives: ['square', 'cube'] }, shift],
    body,
    'the part square gives the name cube and does not declare it',
  ],
  [
    'needed and not used',
    [square, { ...shift, needs: [...shift.needs, 'x'] }],
    body,
    'the part shift needs the name x and does not use it',
  ],
  [
    'used and not needed',
    [square, { ...shift, needs: shift.needs.filter((name) => name !== 'KIND') }],
    body,
    'the part shift uses the name KIND and does not list it among its needs',
  ],
  [
    'used and not given',
    [square, shift],
    body.replace('shift(0u)', 'f32(OWN)'),
    'the body uses the name OWN, which the part shift does not give',
  ],
])('a name %s is an error of kernel, part and name', (_, parts, ownBody, message) => {
  const kernel = kernelOf(parts, ownBody)
  expect(() => planOf(kernel)).toThrow(PartError)
  expect(() => planOf(kernel)).toThrow(`[shifted] ${message}`)
})

test('lines are unrolled in order', () => {
  expect(unroll(3, (i) => `sum += x${i};`)).toBe('sum += x0;\nsum += x1;\nsum += x2;')
})
