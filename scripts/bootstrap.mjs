// Runs a script that needs the built library, from a fresh clone: installs, builds, runs. No dependencies.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const [script = '', ...rest] = process.argv.slice(2)
process.chdir(fileURLToPath(new URL('..', import.meta.url)))

if (!existsSync('node_modules/.package-lock.json')) {
  // Installing builds, too.
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  const wanted = Object.keys(packages).filter((path) => path && !packages[path].optional)
  await step('Installing packages', ['ci', '--no-audit', '--no-fund'], () => {
    const there = wanted.filter((path) => existsSync(`${path}/package.json`)).length
    return `${there} of ${wanted.length}`
  })
} else await step('Building', ['run', 'build'])
spawn(process.execPath, [script, ...rest], { stdio: 'inherit' }).on('exit', (code) => process.exit(code ?? 1))

/**
 * Runs npm behind one line of progress: rewritten on a terminal, else a new line now and then.
 * Its output is shown only if it fails.
 * @param {string} title
 * @param {string[]} args
 * @param {() => string} [progress]
 */
async function step(title, args, progress = () => '') {
  const start = Date.now()
  const { isTTY } = process.stderr
  const show = (/** @type {string} */ end) => {
    const line = `${title} ${progress()} ${((Date.now() - start) / 1000).toFixed(0)} s`.replace('  ', ' ')
    process.stderr.write(isTTY ? `\r\x1b[K${line}${end}` : `${line}\n`)
  }
  show('')
  const timer = setInterval(() => show(''), isTTY ? 200 : 5000)
  const cli = process.env['npm_execpath']
  const child = cli ? spawn(process.execPath, [cli, ...args]) : spawn('npm', args, { shell: true })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
  const code = await new Promise((resolve) => child.on('close', resolve))
  clearInterval(timer)
  show('\n')
  if (code === 0) return
  process.stderr.write(output)
  process.exit(1)
}
