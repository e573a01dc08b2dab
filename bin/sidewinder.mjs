#!/usr/bin/env node
// The command. It is no part of the build, so that npx finds it in a clone that was never built, where it
// says what to do.
import { existsSync } from 'node:fs'

const cli = new URL('../dist/cli.js', import.meta.url)
if (existsSync(cli)) await import(cli.href)
else {
  process.stderr.write('sidewinder is not built yet. Build it first: npm run build\n')
  process.exitCode = 1
}
