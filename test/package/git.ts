/** The package from the repository itself, which holds no dist. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { onlyIn } from '../left-out.ts'
import { root, runWith } from './packed.ts'
import { npm, plainEnvironment } from './tools.ts'

const exec = promisify(execFile)

export function fromGit(): void {
  describe('from the repository', () => {
    let folder: string

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sidewinder-git-'))
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    /** Installs what npm can install, and runs it. */
    async function expectWorking(name: string, what: string): Promise<void> {
      const consumer = join(folder, name)
      await mkdir(consumer)
      await writeFile(join(consumer, 'package.json'), '{ "private": true, "type": "module" }\n')
      await npm(consumer, 'install', what)
      await cp(join(import.meta.dirname, 'run.mjs'), join(consumer, 'run.mjs'))
      const { losses, text, again } = await runWith(process.execPath, [], consumer, 'model')
      expect(losses).toHaveLength(5)
      expect(again).toBe(text)
    }
    const clone = (name: string): Promise<unknown> =>
      exec('git', ['clone', '--quiet', root, join(folder, name)], { env: plainEnvironment() })

    test('it is whole when npm packs a clean clone', onlyIn('long'), async () => {
      await clone('packs')
      const printed = await npm(join(folder, 'packs'), 'pack', '--silent')
      await expectWorking('of-pack', join(folder, 'packs', printed.trim().split('\n').at(-1)!))
    })

    test('it is whole when npm installs it from git', onlyIn('long'), async () => {
      await clone('origin')
      await expectWorking('of-git', `git+file://${join(folder, 'origin')}`)
    })

    test('it stops if it cannot be built, and says how it can', async () => {
      const bare = join(folder, 'bare')
      await mkdir(join(bare, 'scripts'), { recursive: true })
      await cp(join(root, 'scripts/prepare.mjs'), join(bare, 'scripts/prepare.mjs'))
      const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
      await writeFile(join(bare, 'package.json'), JSON.stringify({ name: 'bare', version: '1.0.0', scripts }))
      await expect(npm(bare, 'install')).rejects.toThrow(/dist is not built.*npm install --include=dev/s)
    })
  })
}
