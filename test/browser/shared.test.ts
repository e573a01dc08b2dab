/** Suites that run in Node and again here. */
import '../files.test.ts'
import '../gpu.test.ts'
