import { describe, expect, test } from 'vitest'
import { CheckpointError } from '../../errors.ts'
import { checkPath, parseHubId } from './id.ts'

describe('names of repositories', () => {
  test.each([
    ['state-spaces/mamba-130m-hf', 'state-spaces/mamba-130m-hf', 'main'],
    ['org/name@v1.0', 'org/name', 'v1.0'],
    ['org/name@refs/pr/1', 'org/name', 'refs/pr/1'],
    [`a/B_c.d@${'a1'.repeat(20)}`, 'a/B_c.d', 'a1'.repeat(20)],
    ['org/name@feature@2', 'org/name', 'feature@2'],
  ])('%s', (id, repository, revision) => {
    expect(parseHubId(id)).toEqual({ repository, revision })
  })

  test.each(
    [
      ['', 'name', 'a/b/c', '/a/b', 'a/', '../b', 'a/..', './b', 'a\\b/c', 'a/b c', 'a/b\0', 'a/b.git'],
      ['a--b/c', 'a/b..c', '-a/b', 'a/b-', '.a/b', 'a/b.', `a/${'b'.repeat(96)}`, 'https://host/a', 'a/ü'],
      ['a/b@', 'a/b@/x', 'a/b@x/', 'a/b@x//y', 'a/b@../x', 'a/b@x/../y', 'a/b@.x', 'a/b@-x', 'a/b@x\\y'],
      ['a/b@x y', 'a/b@x?y', 'a/b@x#y', 'a/b@%2e%2e', 'a/b@x\0', 'a/b@x:y', `a/b@${'x'.repeat(256)}`],
    ].flat(),
  )('%j is none', (id) => {
    expect(parseHubId(id)).toBeUndefined()
  })
})

test.each(['model.safetensors', 'onnx/model.onnx', '.gitattributes', '__proto__', 'a..b', 'größe.txt'])(
  'a repository may list %j',
  (path) => {
    expect(checkPath(path, 'here')).toBe(path)
  },
)

test.each([
  '',
  '.',
  '..',
  '../x',
  'a/../x',
  '/x',
  'a//b',
  'a/',
  'a\\b',
  'a\0b',
  'a\nb',
  './a',
  'x'.repeat(1025),
])('a repository may not list %j', (path) => {
  expect(() => checkPath(path, 'here')).toThrow(CheckpointError)
})
