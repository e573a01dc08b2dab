// Time and peak memory of loading 130M models from each format.
// npm run bench -- load [folder]
// It writes about 3 GB to the folder, by default the system's temporary one, and removes them.
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeFolder, writeAtomically } from '../src/checkpoints/atomic.ts'
import type { FileSource } from '../src/checkpoints/source.ts'
import { openDevice } from '../src/ops/open-device.ts'
import { loadModel } from '../src/language/load-model.ts'
import { writeFiles } from '../src/models/files/folder.ts'
import { folderFiles, ggufFile } from '../src/models/files/save.ts'
import { MAMBA_130M, MAMBA2_130M, stateSpacesFiles, syntheticCheckpoint } from '../test/suites/synthetic.ts'

const MiB = 2 ** 20

interface Measured {
  readonly seconds: number
  readonly weights: number
  readonly peak: number
}

const [first, ...rest] = process.argv.slice(2)
if (first === 'child') await child(rest[0], rest[1] as 'f32' | 'q8')
else await parent(first ?? tmpdir())

/** In a process of its own: what one load takes. */
async function child(path: string, weights: 'stored' | 'f32' | 'f16' | 'q8' | 'q4'): Promise<void> {
  const device = await openDevice('wasm', { threads: 2 })
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const began = performance.now()
  const model = await loadModel(path, { device, weights })
  const seconds = (performance.now() - began) / 1000
  const peak = process.resourceUsage().maxRSS * 1024 - before
  process.stdout.write(JSON.stringify({ seconds, weights: model.bytes, peak } satisfies Measured))
  device.destroy()
}

async function parent(where: string): Promise<void> {
  const folder = await mkdtemp(join(where, 'sidewinder-load-'))
  try {
    console.log('130M random weights, wasm; peak is resident memory above that before loading\n')
    console.log(
      'format                      weights kept   loaded MiB   peak MiB   limit MiB   peak/loaded   s',
    )
    for (const [name, make, kinds] of files(folder)) {
      await make()
      for (const weights of kinds) report(name, weights, measure(join(folder, name), weights))
      await rm(join(folder, name), { recursive: true })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Row = readonly [name: string, make: () => Promise<void>, weights: readonly string[]]

function files(folder: string): Row[] {
  const mamba = syntheticCheckpoint(MAMBA_130M)
  const mamba2 = syntheticCheckpoint(MAMBA2_130M)
  const safetensors = (name: string, shardBytes: number) => (): Promise<void> =>
    writeFiles(join(folder, name), folderFiles(mamba, { shardBytes }))
  const bin = (name: string) => async (): Promise<void> => {
    await makeFolder(join(folder, name))
    for (const [file, source] of stateSpacesFiles(mamba2)) {
      await writeAtomically(join(folder, name, file), piecesOf(source))
    }
  }
  const gguf = (name: string, type: 'F32' | 'F16' | 'Q8_0' | 'Q4_0') => (): Promise<void> =>
    writeAtomically(join(folder, name), ggufFile(mamba, { type }))
  return [
    ['safetensors', safetensors('safetensors', 1e12), ['f32', 'f16', 'q8', 'q4']],
    ['safetensors-sharded', safetensors('safetensors-sharded', 1e8), ['f32']],
    ['pytorch-bin', bin('pytorch-bin'), ['f32', 'q8']],
    ['f32.gguf', gguf('f32.gguf', 'F32'), ['stored', 'q8']],
    ['f16.gguf', gguf('f16.gguf', 'F16'), ['stored', 'f32']],
    ['q8_0.gguf', gguf('q8_0.gguf', 'Q8_0'), ['stored']],
    ['q4_0.gguf', gguf('q4_0.gguf', 'Q4_0'), ['stored']],
  ]
}

async function* piecesOf(source: FileSource): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < source.size; at += 4 * MiB) yield source.read(at, Math.min(at + 4 * MiB, source.size))
}

function measure(path: string, weights: string): Measured {
  const { stdout, status, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', fileURLToPath(import.meta.url), 'child', path, weights],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`loading ${path} failed: ${stderr}`)
  return JSON.parse(stdout) as Measured
}

function report(name: string, weights: string, { seconds, weights: loaded, peak }: Measured): void {
  const limit = 1.25 * loaded + 64 * MiB
  const cells = [loaded / MiB, peak / MiB, limit / MiB].map((value) => value.toFixed(0).padStart(10))
  console.log(
    `${name.padEnd(28)}${weights.padEnd(12)}${cells.join(' ')}${(peak / loaded).toFixed(2).padStart(14)}` +
      `${seconds.toFixed(1).padStart(6)}${peak > limit ? '   ABOVE THE LIMIT' : ''}`,
  )
}
