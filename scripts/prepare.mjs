// Builds dist when npm prepares the package: after `npm install` in a clone, before `npm pack`, and when
// somebody installs from git. A package without dist must never come out of this in silence.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const hasTools = () => existsSync('node_modules/tsdown') && existsSync('node_modules/assemblyscript')
const packs = ['pack', 'publish'].includes(process.env['npm_command'] ?? '')

// Who packs a fresh clone has not installed anything yet.
if (!hasTools() && packs) npm('ci', '--ignore-scripts', '--no-audit', '--no-fund')
if (hasTools()) npm('run', '--silent', 'build')
else if (!existsSync('dist/index.js')) {
  console.error(
    'sidewinder: dist is not built, and what builds it is not installed. Run: npm install --include=dev',
  )
  process.exit(1)
}

/** @param {string[]} args */
function npm(...args) {
  // What npm prints to stdout is the name of the packed file.
  const cli = process.env['npm_execpath']
  const [command, first] = cli ? [process.execPath, [cli]] : ['npm', []]
  execFileSync(command, [...first, ...args], { stdio: ['ignore', 2, 'inherit'], shell: !cli })
}
