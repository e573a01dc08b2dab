// Builds the pages into `dist` beside them, in a process of its own, with a bundler that knows nothing but
// where they are, and prints as JSON what the bundler warned of. Where the mode is a port, Vite serves the
// pages there: node build.mjs TOOLS TOOL MODE APP
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [tools = '', tool = '', mode = '', app = ''] = process.argv.slice(2)
const out = join(app, 'dist')
const require = createRequire(join(tools, 'package.json'))
/** @type {string[]} */
const warnings = []

/** @param {string} path */
const load = (path) => import(pathToFileURL(path.startsWith('/') ? path : require.resolve(path)).href)

/** @type {Record<string, () => Promise<void>>} */
const builders = { vite7: vite, vite8: vite, webpack, rollup, esbuild, single }
await builders[tool]()
console.log(JSON.stringify(warnings))

async function vite() {
  const { build, createServer, createLogger } = await load(
    join(tools, `node_modules/${tool}/dist/node/index.js`),
  )
  const customLogger = createLogger('warn')
  const tell = (/** @type {string} */ text) => {
    // Says only that the machine is slow.
    if (text.includes('[PLUGIN_TIMINGS]')) return
    warnings.push(text)
    if (mode !== 'production') process.stderr.write(`${text}\n`)
  }
  customLogger.warn = customLogger.warnOnce = customLogger.error = tell
  if (mode === 'production') {
    await build({ root: app, customLogger })
    return
  }
  const server = await createServer({
    root: app,
    server: { port: Number(mode), strictPort: true },
    customLogger,
  })
  await server.listen()
  // The test ends this process.
  await new Promise(() => {})
}

async function webpack() {
  const { default: start } = await load('webpack')
  const compiler = start({ mode, context: app, entry: './main.js', output: { path: out } })
  const stats = await new Promise((resolve, reject) =>
    compiler.run((/** @type {Error} */ error, /** @type {unknown} */ done) =>
      error ? reject(error) : resolve(done),
    ),
  )
  const { errors, warnings: found } = stats.toJson({ all: false, errors: true, warnings: true })
  for (const { message, moduleName } of [...errors, ...found]) warnings.push(`${moduleName}: ${message}`)
  page()
}

async function rollup() {
  const { rollup: start } = await load(join(tools, 'node_modules/rollup/dist/es/rollup.js'))
  const { nodeResolve } = await load('@rollup/plugin-node-resolve')
  const bundle = await start({
    input: [join(app, 'main.js'), join(app, 'worker.js')],
    plugins: [nodeResolve()],
    onwarn: (/** @type {{ message: string }} */ { message }) => void warnings.push(message),
  })
  await bundle.write({ dir: out, format: 'es' })
  page()
}

async function esbuild() {
  const { build } = await load('esbuild')
  const entryPoints = [join(app, 'main.js'), join(app, 'worker.js')]
  const { warnings: found } = await build({
    entryPoints,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    outdir: out,
    logLevel: 'error',
  })
  for (const { text } of found) warnings.push(text)
  page()
}

/** The worker as one file, without parts that are loaded later. */
async function single() {
  await esbuild()
  const { build } = await load('esbuild')
  const { warnings: found } = await build({
    entryPoints: [join(app, 'worker.js')],
    bundle: true,
    minify: true,
    outfile: join(out, 'worker.js'),
    allowOverwrite: true,
    logLevel: 'error',
  })
  for (const { text } of found) warnings.push(text)
}

/** Bundlers of scripts alone get a page, and what lies beside it. */
function page() {
  mkdirSync(out, { recursive: true })
  cpSync(join(app, 'public'), out, { recursive: true })
  writeFileSync(
    join(out, 'index.html'),
    '<!doctype html><link rel="icon" href="data:," /><script type="module" src="./main.js"></script>',
  )
}
