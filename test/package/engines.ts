/** The package in every engine that is supported, and that npm has a binary of. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runWith, type Packed } from './packed.ts'

const ENGINES: readonly (readonly [name: string, path: string, ...args: string[]])[] = [
  ['Node-20', 'node20/bin/node'],
  ['Node-22', 'node22/bin/node'],
  ['Node-24', 'node24/bin/node'],
  ['Node-26', 'node26/bin/node'],
  ['Deno', '@deno/linux-x64-glibc/deno', 'run', '--allow-all', '--node-modules-dir=manual'],
  ['Bun', '@oven/bun-linux-x64/bin/bun'],
]

export function engines(packed: () => Packed): void {
  describe('trains five steps, writes, saves and loads', () => {
    for (const [name, path, ...args] of ENGINES) {
      test(`in ${name}`, async ({ skip }) => {
        const { tools, folder, here } = packed()
        const engine = join(tools, 'node_modules', path)
        if (!existsSync(engine)) skip('its binary that npm has is for Linux x64')
        const { losses, text, again, description } = await runWith(engine, args, folder, name)
        expect(losses).toHaveLength(5)
        losses.forEach((loss, i) => expect(loss).toBeCloseTo(here.losses[i], 4))
        expect(text).toBe(here.text)
        expect(again).toBe(text)
        expect(description).toMatch(/threads/)
        // It names a V8 that could do this, and has none.
        if (name === 'Bun') expect(description).not.toMatch(/in pairs/)
      })
    }
  })
}
