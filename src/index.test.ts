import { expect, test } from 'vitest'
import { version } from './entries/index.ts'

test('the version is a semantic version', () => {
  expect(version).toMatch(/^\d+\.\d+\.\d+/)
})
