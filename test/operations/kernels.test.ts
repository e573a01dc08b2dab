/** Which kernels a page downloads, and that every device can run every operation. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ACTIVATIONS } from '../../src/ops/activation/kinds.ts'
import * as operations from '../../src/ops/operations.ts'
import { kernels as reference } from '../../src/ops/kernels/reference.ts'
import { kernels as wasm } from '../../src/ops/kernels/wasm.ts'
import { kernels as webgpu } from '../../src/ops/kernels/webgpu.ts'

/** The files that `entry` imports at once, itself included: neither types nor `import()`. */
function filesAtOnce(entry: string, found = new Set<string>()): Set<string> {
  if (found.has(entry)) return found
  found.add(entry)
  const text = readFileSync(entry, 'utf8')
  for (const [, name] of text.matchAll(/^(?:import|export)(?! type)[^'"]*?from '(\.[^']*\.ts)'/gm)) {
    filesAtOnce(join(dirname(entry), name), found)
  }
  return found
}

const shaders = (files: Iterable<string>): string[] =>
  [...files].filter((file) => readFileSync(file, 'utf8').includes('@workgroup_size'))

describe('what is downloaded', () => {
  test('no shader with the package, nor with the WASM device', () => {
    const files = ['src/entries/index.ts', 'src/ops/kernels/wasm.ts', 'src/devices/wasm/device.ts'].flatMap(
      (entry) => [...filesAtOnce(entry)],
    )
    expect(files).toContain('src/ops/scan/op.ts')
    expect(files).toContain('src/ops/scan/wasm/launch.ts')
    expect(shaders(files)).toEqual([])
  })

  test('all shaders with the WebGPU device', () => {
    expect(shaders(filesAtOnce('src/ops/kernels/webgpu.ts')).length).toBeGreaterThan(30)
  })
})

describe('tables of kernels', () => {
  const tables = { reference, wasm, webgpu } as const
  const all = Object.entries(operations)

  test('know operations by the names that they have', () => {
    expect(all.map(([key]) => key)).toEqual(all.map(([, { name }]) => `${name}Op`))
  })

  for (const [device, table] of Object.entries(tables)) {
    test(`${device} has a kernel or a formula for every operation, and no other`, () => {
      const without = all.filter(([, op]) => !('compose' in op) && !(op.name in table))
      expect(without.map(([, { name }]) => name)).toEqual([])
      const names = new Set<string>(all.map(([, { name }]) => name))
      expect(Object.keys(table).filter((name) => !names.has(name))).toEqual([])
    })
  }
})

const capitals = (name: string): string => name.replaceAll(/[A-Z]/g, '_$&').toUpperCase()

test('activations have the same numbers in AssemblyScript', () => {
  const text = readFileSync('src/ops/activation/wasm/kinds.as.ts', 'utf8')
  const names = [...text.matchAll(/const (\w+): i32 = (\d+)/g)].map(([, name, place]) => [
    name,
    Number(place),
  ])
  expect(names).toEqual(ACTIVATIONS.map((name, place) => [capitals(name), place]))
})
