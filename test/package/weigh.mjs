// Weighs what a page gets at once of `import { loadModel }`, as Rollup splits it and esbuild minifies it.
// Prints the bytes of all parts, each packed by gzip: node weigh.mjs TOOLS FOLDER
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'

const [tools = '', folder = ''] = process.argv.slice(2)
const require = createRequire(join(tools, 'package.json'))
const { rollup } = await import(pathToFileURL(join(tools, 'node_modules/rollup/dist/es/rollup.js')).href)
const { nodeResolve } = await import(pathToFileURL(require.resolve('@rollup/plugin-node-resolve')).href)
const { transform } = require('esbuild')

const input = join(folder, 'weigh-input.js')
writeFileSync(input, "import { loadModel } from 'sidewinder'\nglobalThis.loadModel = loadModel\n")
const bundle = await rollup({ input, plugins: [nodeResolve()] })
const { output } = await bundle.generate({ format: 'es' })
const parts = new Map(output.map((/** @type {{ fileName: string }} */ part) => [part.fileName, part]))

const seen = new Set()
/** @param {string} name */
function load(name) {
  if (seen.has(name)) return
  seen.add(name)
  for (const other of parts.get(name).imports) load(other)
}
load(output.find((/** @type {{ isEntry: boolean }} */ { isEntry }) => isEntry).fileName)

let bytes = 0
for (const name of seen) {
  const { code } = await transform(parts.get(name).code, { minify: true })
  bytes += gzipSync(code).length
}
console.log(bytes)
