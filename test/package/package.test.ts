/** The package as others get it: packed, installed, bundled, and run in every engine. */
import { afterAll, beforeAll, describe } from 'vitest'
import { bundled } from '../../scripts/chromium.mjs'
import { bundlers } from './bundlers.ts'
import { contents } from './contents.ts'
import { engines } from './engines.ts'
import { example } from './example.ts'
import { fromGit } from './git.ts'
import { pack, type Packed } from './packed.ts'

const asked = process.env['SIDEWINDER_TEST_PACKAGE'] !== 'none'

describe.skipIf(!asked)(`the package${asked ? '' : ' (left out: SIDEWINDER_TEST_PACKAGE is none)'}`, () => {
  let packed: Packed

  beforeAll(async () => {
    packed = await pack()
  }, 400_000)
  afterAll(() => packed?.remove())

  contents(() => packed)
  engines(() => packed)
  fromGit()
  describe.skipIf(!bundled)(
    `in pages${bundled ? '' : ' (skipped: Chromium is bundled for Linux x64 only)'}`,
    () => {
      bundlers(() => packed)
      example()
    },
  )
})
