// Prints "N passed, N failed" from vitest's JSON report. A report that is missing, or a run that failed
// outside any test, counts as one failure.
import { readFileSync } from 'node:fs'

const { passed, failed } = count(process.argv[2])
console.log(`${passed} passed, ${failed} failed`)

/** @param {string} path */
function count(path) {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'))
    return { passed: report.numPassedTests, failed: Math.max(report.numFailedTests, report.success ? 0 : 1) }
  } catch {
    return { passed: 0, failed: 1 }
  }
}
