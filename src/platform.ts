/**
 * Node's own modules, for code that pages get too. They are looked up when they are called: bundlers follow
 * every import, also a dynamic one, and a page has none of these.
 */
import type * as childProcess from 'node:child_process'
import type * as crypto from 'node:crypto'
import type * as fs from 'node:fs'
import type * as files from 'node:fs/promises'
import type * as os from 'node:os'
import type * as path from 'node:path'
import type * as timers from 'node:timers/promises'
import type * as v8 from 'node:v8'
import type * as threads from 'node:worker_threads'
import type * as zlib from 'node:zlib'
import { DeviceError } from './errors.ts'

interface NodeModules {
  'node:child_process': typeof childProcess
  'node:crypto': typeof crypto
  'node:fs': typeof fs
  'node:fs/promises': typeof files
  'node:os': typeof os
  'node:path': typeof path
  'node:timers/promises': typeof timers
  'node:v8': typeof v8
  'node:worker_threads': typeof threads
  'node:zlib': typeof zlib
}

/** Whether Node's modules are there: in Node, Deno and Bun. Pages and their workers have none. */
export const isNode = typeof globalThis.process?.getBuiltinModule === 'function'

export type { FileHandle } from 'node:fs/promises'

/** @throws DeviceError in a page */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] {
  if (isNode) return globalThis.process.getBuiltinModule(name)
  throw new DeviceError('a page has no files of its own', {
    expected: `Node, with ${name}`,
    hint: 'In a page, give files and blobs in place of paths',
  })
}

const fromNode = <Name extends keyof NodeModules, Key extends keyof NodeModules[Name]>(
  name: Name,
  key: Key,
): NodeModules[Name][Key] =>
  ((...values: unknown[]) =>
    (nodeModule(name)[key] as (...values: unknown[]) => unknown)(...values)) as NodeModules[Name][Key]

export const copyFile = /* @__PURE__ */ fromNode('node:fs/promises', 'copyFile')
export const link = /* @__PURE__ */ fromNode('node:fs/promises', 'link')
export const mkdir = /* @__PURE__ */ fromNode('node:fs/promises', 'mkdir')
export const open = /* @__PURE__ */ fromNode('node:fs/promises', 'open')
export const readdir = /* @__PURE__ */ fromNode('node:fs/promises', 'readdir')
export const readFile = /* @__PURE__ */ fromNode('node:fs/promises', 'readFile')
export const realpath = /* @__PURE__ */ fromNode('node:fs/promises', 'realpath')
export const rename = /* @__PURE__ */ fromNode('node:fs/promises', 'rename')
export const rm = /* @__PURE__ */ fromNode('node:fs/promises', 'rm')
export const stat = /* @__PURE__ */ fromNode('node:fs/promises', 'stat')
export const symlink = /* @__PURE__ */ fromNode('node:fs/promises', 'symlink')
export const utimes = /* @__PURE__ */ fromNode('node:fs/promises', 'utimes')
export const writeFile = /* @__PURE__ */ fromNode('node:fs/promises', 'writeFile')

export const readFileSync = /* @__PURE__ */ fromNode('node:fs', 'readFileSync')
export const rmSync = /* @__PURE__ */ fromNode('node:fs', 'rmSync')

export const basename = /* @__PURE__ */ fromNode('node:path', 'basename')
export const dirname = /* @__PURE__ */ fromNode('node:path', 'dirname')
export const extname = /* @__PURE__ */ fromNode('node:path', 'extname')
export const join = /* @__PURE__ */ fromNode('node:path', 'join')
export const resolve = /* @__PURE__ */ fromNode('node:path', 'resolve')

export const createHash = /* @__PURE__ */ fromNode('node:crypto', 'createHash')
export const homedir = /* @__PURE__ */ fromNode('node:os', 'homedir')
export const hostname = /* @__PURE__ */ fromNode('node:os', 'hostname')
