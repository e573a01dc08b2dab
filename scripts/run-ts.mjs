// Runs a TypeScript file of this repository: node scripts/run-ts.mjs bench/overview.ts [arguments]
// Node 20 does not strip types, so it is bundled first, packages left out; the package itself is taken from
// its sources.
import { rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * Bundles `entry`; resolves to the path of a module that Node can run. Packages stay outside, but for those
 * of `inside`.
 *
 * @param {string} entry
 * @param {RegExp} [inside]
 */
export async function bundle(entry, inside = /^sidewinder(\/|$)/) {
  const input = resolve(entry)
  const name = input.slice(root.length + 1).replaceAll(/[^\w]+/g, '-')
  // One folder below the root, as the sources: what they read beside them is then found.
  const file = join(root, '.cache', `${name}-${process.pid}.mjs`)
  const build = await rolldown({
    input,
    platform: 'node',
    external: (id) => /^[^./]/.test(id) && !inside.test(id),
    resolve: { tsconfigFilename: join(root, 'tsconfig.json') },
    // With it, rolldown leaves out the start of modules that are only exported on from an index
    // (1.0.0-rc.17).
    treeshake: false,
    logLevel: 'silent',
  })
  await build.write({ file, format: 'esm', codeSplitting: false })
  return file
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [entry] = process.argv.splice(2, 1)
  const file = await bundle(entry)
  try {
    await import(pathToFileURL(file).href)
  } finally {
    await rm(file, { force: true })
  }
}
