/** Suites that run in Node and again here. */
import '../../src/devices/wasm/arena.test.ts'
import '../../src/devices/wasm/device.test.ts'
import '../../src/devices/webgpu/device.test.ts'
import '../files.test.ts'
import '../gpu.test.ts'
import '../models.test.ts'
import '../operations.test.ts'
import '../readme.test.ts'
