/**
 * What a run continues from: weights, moments, carried states, and positions of schedule and data. Node only.
 */
import * as v from 'valibot'
import { writeSafetensors } from '../checkpoints/safetensors-writer.ts'
import { readSafetensors } from '../checkpoints/safetensors.ts'
import type { Batches } from '../data/batch.ts'
import { CheckpointError } from '../errors.ts'
import { sameShape, showShape } from '../tensor/shape.ts'
import type { Model } from '../models/model.ts'
import { whole } from '../check.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Trainer } from '../train/trainer.ts'
import { linkAtomically, makeFolder, writeFolderAtomically } from '../checkpoints/atomic.ts'
import { crc32, expectCrc32 } from '../checkpoints/crc32.ts'
import { removeAbandoned } from '../checkpoints/temporary.ts'
import { join, readdir, readFile, rm } from '../platform.ts'
import { crc32OfJson, readChecked } from './json.ts'

const VERSION = 1
const WEIGHTS = 'model.safetensors'
const OPTIMIZER = 'optimizer.safetensors'
const STATE = 'trainer.json'
/** Checkpoints that are kept besides the best. */
const KEPT = 2
const GO_BACK = 'Remove its folder to continue from the one before'

const count = whole(0, Number.MAX_SAFE_INTEGER)
const word = whole(-(2 ** 31), 2 ** 31 - 1)
const finite = v.pipe(v.number('a number'), v.finite('a number'))
const checksum = whole(0, 2 ** 32 - 1)

const schema = v.strictObject({
  version: v.literal(VERSION, `version ${VERSION}`),
  trainer: v.strictObject({
    step: count,
    batches: v.strictObject({
      random: v.exactOptional(v.strictTuple([word, word, word, word], 'four words')),
      cursors: v.exactOptional(v.array(count, 'a list of positions')),
    }),
  }),
  best: v.exactOptional(v.strictObject({ step: count, loss: finite, value: v.exactOptional(finite) })),
  stale: count,
  seconds: v.pipe(finite, v.minValue(0, 'seconds')),
  /**
   * CRC-32 of the other files, and of this one without its own. Runs of before have none: nothing is
   * compared.
   */
  crc32: v.exactOptional(v.strictObject({ [WEIGHTS]: checksum, [OPTIMIZER]: checksum, [STATE]: checksum })),
})

/** A validation, and the step it was seen at. */
export interface Best {
  readonly step: number
  readonly loss: number
  /** The task's objective, if that is another than the loss. */
  readonly value?: number
}

/** How the run stands, besides tensors. */
export interface Progress {
  readonly trainer: ReturnType<Trainer['save']>
  /** The best validation so far. */
  readonly best?: Best | undefined
  /** Evaluations since the best one. */
  readonly stale: number
  /** Seconds of training. */
  readonly seconds: number
}

const folderOf = (run: string): string => join(run, 'checkpoints')
const nameOf = (step: number): string => `step-${String(step).padStart(8, '0')}`

/**
 * Writes a checkpoint of the run's folder, atomically, and removes older ones. The run's own
 * model.safetensors becomes the best checkpoint's, or the newest's if nothing is validated.
 */
export async function saveCheckpoint(run: string, trainer: Trainer, progress: Progress): Promise<void> {
  const { step } = progress.trainer
  const path = join(folderOf(run), nameOf(step))
  await makeFolder(folderOf(run))
  const files = {
    [WEIGHTS]: await pack(weightsOf(trainer.model)),
    [OPTIMIZER]: await pack(trainingOf(trainer)),
  }
  const state = {
    version: VERSION,
    ...progress,
    crc32: { [WEIGHTS]: crc32(files[WEIGHTS]), [OPTIMIZER]: crc32(files[OPTIMIZER]) },
  }
  const sealed = { ...state, crc32: { ...state.crc32, [STATE]: crc32OfJson(state) } }
  await writeFolderAtomically(path, { ...files, [STATE]: `${JSON.stringify(sealed)}\n` })
  const steps = await list(run)
  const best = progress.best && steps.includes(progress.best.step) ? progress.best.step : step
  await linkAtomically(join(folderOf(run), nameOf(best), WEIGHTS), join(run, WEIGHTS))
  await prune(run, [...steps.slice(0, KEPT), best])
}

/** Restores the newest checkpoint. Returns how the run stood, or undefined if there is none. */
export async function loadCheckpoint(
  run: string,
  trainer: Trainer,
  batches: Batches,
): Promise<Progress | undefined> {
  await removeAbandoned(folderOf(run))
  const [newest] = await list(run)
  if (newest === undefined) return undefined
  const path = join(folderOf(run), nameOf(newest))
  const written = await text(join(path, STATE))
  const {
    version: _,
    crc32: sums,
    ...progress
  } = readChecked(written, schema, join(path, STATE), CheckpointError)
  if (sums) {
    const { [STATE]: own, ...others } = sums
    // The keys as they stand in the file, in their order: a schema may order them otherwise.
    const state = { ...(JSON.parse(written) as object), crc32: others }
    expectCrc32(own, crc32OfJson(state), join(path, STATE), GO_BACK)
  }
  if (progress.trainer.step !== newest) {
    throw new CheckpointError('wrong step', {
      where: join(path, STATE),
      expected: newest,
      found: progress.trainer.step,
    })
  }
  const { random, cursors } = progress.trainer.batches
  const expected = batches.save()
  if (
    (random === undefined) !== (expected.random === undefined) ||
    cursors?.length !== expected.cursors?.length
  ) {
    throw new CheckpointError('the position in the data does not fit the run', { where: join(path, STATE) })
  }
  trainer.attach(batches)
  await unpack(join(path, WEIGHTS), weightsOf(trainer.model), sums?.[WEIGHTS])
  await unpack(join(path, OPTIMIZER), trainingOf(trainer), sums?.[OPTIMIZER])
  trainer.restore(progress.trainer, batches)
  return progress
}

/** Steps done at the newest checkpoint; 0 if there is none. */
export const stepsDone = async (run: string): Promise<number> => (await list(run))[0] ?? 0

/** Gives a model the weights of a run: those of its best validation, or else its last ones. */
export async function loadWeights(run: string, model: Model): Promise<void> {
  await unpack(join(run, WEIGHTS), weightsOf(model))
  model.changed()
}

function weightsOf(model: Model): Map<string, Tensor> {
  return new Map([...model.parameters].map(([name, { tensor }]) => [name, tensor]))
}

/** Moments and carried states, by name. */
function trainingOf(trainer: Trainer): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>()
  for (const [name, { m, v }] of trainer.optimizer.moments) tensors.set(`m.${name}`, m).set(`v.${name}`, v)
  for (const [path, tensor] of trainer.states?.named ?? [])
    tensors.set(path.replace(/^layers/, 'state'), tensor)
  return tensors
}

async function pack(tensors: ReadonlyMap<string, Tensor>): Promise<Uint8Array> {
  const values = new Map<string, { shape: readonly number[]; data: Float32Array }>()
  for (const [name, tensor] of tensors) {
    values.set(name, { shape: tensor.shape, data: (await tensor.read()) as Float32Array })
  }
  return writeSafetensors(values, { format: 'pt' })
}

async function unpack(path: string, into: ReadonlyMap<string, Tensor>, checksum?: number): Promise<void> {
  const content = await bytes(path)
  if (checksum !== undefined) expectCrc32(checksum, crc32(content), path, GO_BACK)
  const found = await readSafetensors(content, path)
  for (const [name, tensor] of into) {
    const values = found.get(name)
    if (!values) throw new CheckpointError('missing tensor', { where: path, expected: name })
    if (!sameShape(values.shape, tensor.shape)) {
      throw new CheckpointError('wrong shape', {
        where: `${path}: ${name}`,
        expected: showShape(tensor.shape),
        found: showShape(values.shape),
      })
    }
    tensor.write(await values.read())
  }
}

const text = async (path: string): Promise<string> => new TextDecoder().decode(await bytes(path))

async function bytes(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw new CheckpointError('the checkpoint is damaged', {
      where: path,
      cause,
      hint: GO_BACK,
    })
  })
}

/** Steps of the complete checkpoints, newest first. */
async function list(run: string): Promise<number[]> {
  const names = await readdir(folderOf(run)).catch(() => [])
  return names
    .flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => b - a)
}

async function prune(run: string, kept: readonly number[]): Promise<void> {
  const keep = new Set(kept.map(nameOf))
  for (const name of await readdir(folderOf(run))) {
    if (name.startsWith('step-') && !keep.has(name))
      await rm(join(folderOf(run), name), { recursive: true, force: true })
  }
}
