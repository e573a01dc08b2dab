import { expect, test } from 'vitest'
import { planOf, printKernel } from './header.ts'
import { defineKernel } from './kernel.ts'

const kernel = defineKernel({
  name: 'sample',
  enable: ['subgroups'],
  bindings: { x: 'f32 view', deltaBias: 'f32?', tokens: 'i32? view', y: 'f32 rw' },
  uniforms: { rows: 'u32', eps: 'f32' },
  constants: { TILE: 'u32', SCALE: 'f32', FAST: 'bool' },
  body: '@compute @workgroup_size(TILE) fn main() {}',
})

test('the header declares what the kernel names', () => {
  expect(printKernel(kernel, { TILE: 16, SCALE: 1e-7, FAST: true }, [true, false, true, true]))
    .toMatchInlineSnapshot(`
    "enable subgroups;
    const MAX_GROUPS: u32 = 65535;
    const TILE: u32 = 16;
    const SCALE: f32 = 1e-7;
    const FAST: bool = true;
    const HAS_DELTA_BIAS: bool = false;
    const HAS_TOKENS: bool = true;
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read> deltaBias: array<f32>;
    @group(0) @binding(2) var<storage, read> tokens: array<i32>;
    @group(0) @binding(3) var<storage, read_write> y: array<f32>;
    struct Uniforms { rows: u32, eps: f32, xOffset: u32, xStride: u32, tokensOffset: u32, tokensStride: u32 }
    @group(0) @binding(4) var<uniform> u: Uniforms;
    fn flatGroup(group: vec3u) -> u32 { return group.x + group.y * MAX_GROUPS; }
    @compute @workgroup_size(TILE) fn main() {}
    "
  `)
})

test('a kernel without uniforms has no uniform binding', () => {
  const plain = defineKernel({
    name: 'plain',
    bindings: { y: 'f32 rw' },
    uniforms: {},
    constants: {},
    body: '',
  })
  expect(printKernel(plain, {}, [true])).not.toContain('uniform')
  expect(planOf(plain).uniforms).toEqual([])
})

test('vectors are read four words at a time', () => {
  const wide = defineKernel({
    name: 'wide',
    bindings: { x: 'vec4f view', words: 'vec4u', y: 'f32 rw' },
    uniforms: {},
    constants: {},
    body: '',
  })
  const text = printKernel(wide, {}, [true, true, true])
  expect(text).toContain('read> x: array<vec4f>;')
  expect(text).toContain('read> words: array<vec4u>;')
})

test('halves are words with an accessor, and words take any dtype', () => {
  const halves = defineKernel({
    name: 'halves',
    bindings: { x: 'f16 view', bits: 'word', y: 'f16 rw' },
    uniforms: {},
    constants: {},
    body: '',
  })
  const lines = printKernel(halves, {}, [true, true, true]).split('\n')
  expect(lines).toContain('@group(0) @binding(0) var<storage, read> x: array<u32>;')
  expect(lines).toContain('fn xHalf(i: u32) -> u32 { return extractBits(x[i / 2u], 16u * (i % 2u), 16u); }')
  expect(lines).toContain('@group(0) @binding(1) var<storage, read> bits: array<u32>;')
  expect(lines.filter((line) => line.includes('bitsHalf'))).toEqual([])
  expect(planOf(halves).bindings.map(({ dtype }) => dtype)).toEqual(['f16', undefined, 'f16'])
})

test('offset and stride of views follow the uniforms of the launch', () => {
  expect(planOf(kernel).uniforms.map(([name]) => name)).toEqual([
    'rows',
    'eps',
    'xOffset',
    'xStride',
    'tokensOffset',
    'tokensStride',
  ])
})
