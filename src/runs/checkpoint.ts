/** What a run continues from: weights, moments, carried states, and positions of schedule and data. Node only. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readSafetensors, writeSafetensors } from '../checkpoints/safetensors.ts'
import type { Batches } from '../data/batches.ts'
import { CheckpointError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Trainer, TrainerState } from '../train/trainer.ts'
import { isLeftover, linkAtomically, writeFolderAtomically } from './files.ts'

const VERSION = 1
const WEIGHTS = 'model.safetensors'
const OPTIMIZER = 'optimizer.safetensors'
const STATE = 'trainer.json'
/** Checkpoints that are kept besides the best. */
const KEPT = 2

/** How the run stands, besides tensors. */
export interface Progress {
  readonly trainer: TrainerState
  /** Lowest validation loss so far, and the step it was seen at. */
  readonly best: { readonly step: number; readonly loss: number } | undefined
  /** Evaluations since the best one. */
  readonly stale: number
  /** Seconds of training. */
  readonly seconds: number
}

const folderOf = (run: string): string => join(run, 'checkpoints')
const nameOf = (step: number): string => `step-${String(step).padStart(8, '0')}`

/** Writes a checkpoint of the run's folder, atomically, and removes older ones. */
export async function saveCheckpoint(run: string, trainer: Trainer, progress: Progress): Promise<void> {
  const weights = new Map<string, Tensor>()
  for (const [name, { tensor }] of trainer.model.parameters.all) weights.set(name, tensor)
  const path = join(folderOf(run), nameOf(progress.trainer.step))
  await mkdir(folderOf(run), { recursive: true })
  await writeFolderAtomically(path, {
    [WEIGHTS]: await pack(weights),
    [OPTIMIZER]: await pack(training(trainer)),
    [STATE]: `${JSON.stringify({ version: VERSION, ...progress })}\n`,
  })
  await linkAtomically(join(path, WEIGHTS), join(run, WEIGHTS))
  await prune(run, progress.best?.step)
}

/** Restores the newest checkpoint. Returns how the run stood, or undefined if there is none. */
export async function loadCheckpoint(run: string, trainer: Trainer, batches: Batches): Promise<Progress | undefined> {
  const [newest] = await list(run)
  if (newest === undefined) return undefined
  const path = join(folderOf(run), nameOf(newest))
  const progress = JSON.parse(await readFile(join(path, STATE), 'utf8')) as Progress & { version: number }
  if (progress.version !== VERSION) {
    throw new CheckpointError('unknown version', { where: join(path, STATE), expected: VERSION, found: progress.version })
  }
  trainer.attach(batches)
  const weights = new Map([...trainer.model.parameters.all].map(([name, { tensor }]) => [name, tensor]))
  await unpack(join(path, WEIGHTS), weights)
  await unpack(join(path, OPTIMIZER), training(trainer))
  trainer.restore(progress.trainer, batches)
  return progress
}

/** Moments and carried states, by name. */
function training(trainer: Trainer): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>()
  for (const [name, { m, v }] of trainer.optimizer.moments) tensors.set(`m.${name}`, m).set(`v.${name}`, v)
  for (const [layer, state] of (trainer.states ?? []).entries()) {
    for (const [name, tensor] of Object.entries(state)) tensors.set(`state.${layer}.${name}`, tensor)
  }
  return tensors
}

async function pack(tensors: ReadonlyMap<string, Tensor>): Promise<Uint8Array> {
  const values = new Map<string, { shape: readonly number[]; data: Float32Array }>()
  for (const [name, tensor] of tensors) {
    values.set(name, { shape: tensor.shape, data: (await tensor.read()) as Float32Array })
  }
  return writeSafetensors(values, { format: 'pt' })
}

async function unpack(path: string, into: ReadonlyMap<string, Tensor>): Promise<void> {
  const found = await readSafetensors(await readFile(path), path)
  for (const [name, tensor] of into) {
    const values = found.get(name)
    if (!values) throw new CheckpointError('missing tensor', { where: path, expected: name })
    tensor.write(await values.read())
  }
}

/** Steps of the complete checkpoints, newest first. */
async function list(run: string): Promise<number[]> {
  const names = await readdir(folderOf(run)).catch(() => [])
  return names
    .map((name) => /^step-(\d+)$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => b - a)
}

async function prune(run: string, best: number | undefined): Promise<void> {
  const keep = new Set([...(await list(run)).slice(0, KEPT), best].map((step) => step && nameOf(step)))
  for (const name of await readdir(folderOf(run))) {
    const old = name.startsWith('step-') && !keep.has(name)
    if (old || isLeftover(name)) await rm(join(folderOf(run), name), { recursive: true, force: true })
  }
}
