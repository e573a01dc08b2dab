/**
 * The end of a run: how long each file took, the slowest last, and what was left out with the command that runs it.
 */
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node'
import { COMMANDS, type Extent } from './left-out.ts'

const SLOWEST = 10

export class Report implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    if (modules.length === 0) return
    for (const line of [...timesOf(modules), ...leftOutOf(modules)]) console.log(line)
  }
}

function timesOf(modules: readonly TestModule[]): string[] {
  const rows = modules
    .map((module) => ({ module, seconds: timeOf(module) / 1000 }))
    .toSorted((a, b) => a.seconds - b.seconds)
  const lines = rows.map(({ module, seconds }) => {
    return `${seconds.toFixed(1).padStart(7)} s  ${module.project.name.padEnd(7)}  ${module.relativeModuleId}`
  })
  if (rows.length <= SLOWEST) return ['', 'Time of each file', ...lines]
  return [
    '',
    'Time of each file',
    ...lines.slice(0, -SLOWEST),
    '',
    'The ten slowest',
    ...lines.slice(-SLOWEST),
  ]
}

/** Of setup, imports and tests, in ms. */
function timeOf(module: TestModule): number {
  const { setupDuration, collectDuration, duration } = module.diagnostic()
  return setupDuration + collectDuration + duration
}

function leftOutOf(modules: readonly TestModule[]): string[] {
  const counts = new Map<Extent, number>()
  let other = 0
  for (const module of modules) {
    for (const test of module.children.allTests('skipped')) {
      const extent = extentOf(test)
      if (extent) counts.set(extent, (counts.get(extent) ?? 0) + 1)
      else other++
    }
  }
  const lines = [...counts].map(([extent, count]) => `${count} tests: ${COMMANDS[extent]}`)
  if (other > 0) lines.push(`${other} tests that this machine cannot run, or that were not asked for by name`)
  return lines.length > 0 ? ['', 'Left out of this run', ...lines.map((line) => `  ${line}`)] : []
}

/** Why a test was left out: it says so itself, or a suite around it does. */
function extentOf(test: TestCase): Extent | undefined {
  const own = test.meta().leftOut
  if (own) return own
  for (let parent: TestSuite | TestModule = test.parent; parent.type === 'suite'; parent = parent.parent) {
    const { leftOut } = parent.meta()
    if (leftOut) return leftOut
  }
  return undefined
}
