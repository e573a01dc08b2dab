// Prints the adapter that Dawn finds in this environment, as JSON. In a process of its own: drivers may
// crash.
import { create, globals } from 'webgpu'

Object.assign(globalThis, globals)
const gpu = create([])
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
if (!adapter) process.exit(1)
const { vendor, architecture, description, isFallbackAdapter } = adapter.info
const name = [...new Set([vendor, architecture, description])].filter(Boolean).join(' ')
console.log(JSON.stringify({ name, software: isFallbackAdapter }))
process.exit(Number(!gpu))
