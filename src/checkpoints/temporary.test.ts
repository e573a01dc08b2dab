import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bundle } from '../../scripts/run-ts.mjs'
import { writeAtomically } from './atomic.ts'
import { beside, removeAbandoned } from './temporary.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-temporary-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('threads and processes never meet in a name', () => {
  const names = Array.from({ length: 200 }, () => beside(join(folder, 'file')))
  expect(new Set(names).size).toBe(200)
  expect(basename(beside(join(folder, 'ü'.repeat(120)))).length).toBeLessThan(120)
})

test('the next writer removes what a killed one left, and nothing that another one is writing', async () => {
  const module = await bundle('src/checkpoints/atomic.ts')
  const code = `
    import { writeAtomically } from ${JSON.stringify(module)}
    async function* endless() { for (;;) { yield new Uint8Array(10); process.stdout.write('.'); await new Promise((r) => setTimeout(r, 5)) } }
    await writeAtomically(${JSON.stringify(join(folder, 'file'))}, endless())`
  const start = () =>
    spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 2] })
  const [killed, living] = [start(), start()]
  await Promise.all([killed, living].map((child) => once(child.stdout!, 'data')))
  killed.kill('SIGKILL')
  await once(killed, 'close')
  await writeAtomically(join(folder, 'file'), 'whole')
  const left = (await readdir(folder)).filter((name) => name !== 'file')
  expect(left).toHaveLength(1)
  expect(left[0]).toContain(`.file.${living.pid}-`)
  living.kill('SIGKILL')
  await once(living, 'close')
  await rm(module)
  await removeAbandoned(folder)
  expect(await readdir(folder)).toEqual(['file'])
})

test('what another machine writes is left alone for a day', async () => {
  const other = join(folder, '.file.12-34-00000000-12345678.tmp')
  await writeFile(other, '')
  await removeAbandoned(folder)
  expect(await readdir(folder)).toHaveLength(1)
  const before = new Date(Date.now() - 2 * 86_400_000)
  await utimes(other, before, before)
  await removeAbandoned(folder)
  expect(await readdir(folder)).toEqual([])
})

test('names that former versions gave are known, and other names are left', async () => {
  await writeFile(join(folder, `.file.${2 ** 30}-0.tmp`), '')
  await mkdir(join(folder, `.step-1.${2 ** 30}-1.tmp`))
  await writeFile(join(folder, `.file.${process.pid}-0.tmp`), '')
  await writeFile(join(folder, 'notes.tmp'), '')
  await writeFile(join(folder, '.notes.tmp'), '')
  await removeAbandoned(folder, join(folder, 'file'))
  const other = `.step-1.${2 ** 30}-1.tmp`
  const alive = `.file.${process.pid}-0.tmp`
  expect((await readdir(folder)).toSorted()).toEqual(['.notes.tmp', 'notes.tmp', alive, other].toSorted())
  await removeAbandoned(folder)
  await removeAbandoned(join(folder, 'missing'))
  expect((await readdir(folder)).toSorted()).toEqual(['.notes.tmp', 'notes.tmp'])
})
