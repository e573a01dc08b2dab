/** Trains a byte-level language model on text, in a run folder that can be resumed. Node only. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carriedStreams, packedDocuments, randomWindows, type Batches, type Corpus } from '../data/batches.ts'
import { readText, splitCorpus, type TextCorpus } from '../data/text.ts'
import type { AnyDevice } from '../devices/device.ts'
import { ConfigError } from '../errors.ts'
import { modelConfig, type Architecture } from '../models/config.ts'
import { toHuggingFace } from '../models/hugging-face.ts'
import { Model } from '../models/model.ts'
import { Parameters } from '../nn/parameters.ts'
import { evaluate, type Evaluation } from '../train/evaluate.ts'
import { cosine, warmupStableDecay } from '../train/schedule.ts'
import { Trainer, type TrainedStep } from '../train/trainer.ts'
import { loadCheckpoint, saveCheckpoint, type Progress } from './checkpoint.ts'
import { lossCurve } from './curve.ts'
import { writeAtomically } from './files.ts'
import { appendMetric, readMetrics, truncateMetrics } from './metrics.ts'

/** How rows of a batch are cut from the text. */
export const BATCHINGS = ['random', 'carried', 'packed'] as const
export const SCHEDULES = ['cosine', 'wsd'] as const

/** Everything that says what a run computes. Kept in the run folder as run.json, so that resuming needs no flags. */
export interface TextRun {
  readonly data: string
  readonly architecture: Architecture
  readonly layers: number
  readonly width: number
  readonly state?: number
  readonly batch: number
  readonly length: number
  readonly batching: (typeof BATCHINGS)[number]
  readonly steps: number
  readonly learningRate: number
  readonly schedule: (typeof SCHEDULES)[number]
  readonly weightDecay: number
  readonly maxNorm: number
  readonly accumulation: number
  readonly recompute: boolean
  /** Part of the text that is held out, from its end. */
  readonly validationPart: number
  readonly evaluateEvery: number
  readonly checkpointEvery: number
  /** Evaluations without improvement after which training stops; 0: never. */
  readonly patience: number
  readonly seed: number
}

export const DEFAULT_RUN: Omit<TextRun, 'data'> = {
  architecture: 'mamba2',
  layers: 4,
  width: 256,
  batch: 8,
  length: 256,
  batching: 'random',
  steps: 2000,
  learningRate: 2e-3,
  schedule: 'cosine',
  weightDecay: 0.1,
  maxNorm: 1,
  accumulation: 1,
  recompute: false,
  validationPart: 0.1,
  evaluateEvery: 200,
  checkpointEvery: 200,
  patience: 0,
  seed: 0,
}

export interface TextRunEvents {
  /** Called once, before the first step. */
  onStart?(info: {
    readonly model: Model
    readonly resumedFrom: number
    readonly trainingBytes: number
    readonly validationBytes: number
  }): void
  onStep?(step: TrainedStep, steps: number): void
  onEvaluation?(evaluation: Evaluation, step: number, best: boolean): void
  onCheckpoint?(step: number): void
}

export interface TextRunResult {
  readonly model: Model
  readonly step: number
  readonly stopped: 'finished' | 'interrupted' | 'patience'
  readonly best: Progress['best']
  readonly validation: Evaluation | undefined
}

/** Starts a run in a new folder. */
export async function startTextRun(
  folder: string,
  run: TextRun,
  device: AnyDevice,
  events: TextRunEvents = {},
  signal?: AbortSignal,
): Promise<TextRunResult> {
  const corpus = await readText(run.data)
  await mkdir(folder, { recursive: true })
  if (await exists(join(folder, 'run.json'))) {
    throw new ConfigError('the folder holds a run already', {
      where: folder,
      hint: `Continue it with --resume ${folder}, or choose another folder with --out`,
    })
  }
  const config = modelConfig({ ...run, vocabulary: 256 })
  await writeAtomically(join(folder, 'config.json'), `${JSON.stringify(toHuggingFace(config), null, 2)}\n`)
  const about = { version: 1, ...run, dataHash: corpus.hash, device: device.name }
  await writeAtomically(join(folder, 'run.json'), `${JSON.stringify(about, null, 2)}\n`)
  return continueRun(folder, run, corpus, device, events, signal)
}

/** Continues a run from its newest checkpoint, to the same weights as if it had never stopped. */
export async function resumeTextRun(
  folder: string,
  device: AnyDevice,
  events: TextRunEvents = {},
  signal?: AbortSignal,
): Promise<TextRunResult> {
  const run = await readRun(folder)
  const corpus = await readText(run.data)
  if (corpus.hash !== run.dataHash) {
    throw new ConfigError('the data has changed since the run began', {
      where: run.data,
      expected: `SHA-256 ${run.dataHash}`,
      found: corpus.hash,
    })
  }
  return continueRun(folder, run, corpus, device, events, signal)
}

/** What run.json holds. */
export async function readRun(folder: string): Promise<TextRun & { readonly dataHash: string; readonly device: string }> {
  const path = join(folder, 'run.json')
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ConfigError('not a run folder: it has no run.json', { where: folder, cause })
  })
  try {
    return JSON.parse(text) as TextRun & { dataHash: string; device: string }
  } catch (cause) {
    throw new ConfigError('not JSON', { where: path, cause })
  }
}

async function continueRun(
  folder: string,
  run: TextRun,
  corpus: TextCorpus,
  device: AnyDevice,
  events: TextRunEvents,
  signal: AbortSignal | undefined,
): Promise<TextRunResult> {
  const { training, validation } = splitCorpus(corpus, run.validationPart)
  const model = new Model(modelConfig({ ...run, vocabulary: 256 }), new Parameters(device, { seed: run.seed }))
  const batches = batchesOf(run, training)
  const makeSchedule = run.schedule === 'cosine' ? cosine : warmupStableDecay
  const trainer = new Trainer(model, {
    optimizer: { weightDecay: run.weightDecay },
    schedule: makeSchedule({ peak: run.learningRate }),
    steps: run.steps,
    accumulation: run.accumulation,
    maxNorm: run.maxNorm,
    recompute: run.recompute,
  })
  const restored = await loadCheckpoint(folder, trainer, batches)
  await truncateMetrics(folder, trainer.done)
  let { best, stale, seconds } = restored ?? { best: undefined, stale: 0, seconds: 0 }
  let last: Evaluation | undefined
  let stopped: TextRunResult['stopped'] = 'finished'
  events.onStart?.({
    model,
    resumedFrom: trainer.done,
    trainingBytes: training.tokens.length,
    validationBytes: validation.length,
  })
  let since = performance.now()
  const save = async (): Promise<void> => {
    seconds += (performance.now() - since) / 1000
    since = performance.now()
    await saveCheckpoint(folder, trainer, { trainer: trainer.save(batches), best, stale, seconds })
    await writeAtomically(join(folder, 'loss.svg'), lossCurve(await readMetrics(folder), `${run.architecture}, ${run.data}`))
    events.onCheckpoint?.(trainer.done)
  }
  for await (const step of trainer.fit(batches)) {
    const { step: at, loss, gradientNorm, learningRate } = step
    const ended = at === run.steps
    const evaluating = validation.length > 1 && (at % run.evaluateEvery === 0 || ended)
    events.onStep?.(step, run.steps)
    if (evaluating) {
      last = await evaluate(model, validation, { length: run.length })
      const better = best === undefined || last.loss < best.loss
      best = better ? { step: at, loss: last.loss } : best
      stale = better ? 0 : stale + 1
      events.onEvaluation?.(last, at, better)
    }
    await appendMetric(folder, {
      step: at,
      loss,
      gradientNorm,
      learningRate,
      ...(evaluating && last ? { validation: last.loss } : {}),
    })
    if (run.patience > 0 && stale >= run.patience) stopped = 'patience'
    if (signal?.aborted && !ended) stopped = 'interrupted'
    if (ended || stopped !== 'finished' || at % run.checkpointEvery === 0) await save()
    if (stopped !== 'finished') break
  }
  trainer.dispose()
  return { model, step: trainer.done, stopped, best, validation: last }
}

function batchesOf(run: TextRun, training: Corpus): Batches {
  const { batch, length, seed } = run
  switch (run.batching) {
    case 'random':
      return randomWindows(training, { batch, length, seed })
    case 'carried':
      return carriedStreams(training, { batch, length })
    case 'packed':
      return packedDocuments(training, { batch, length, seed })
  }
}

async function exists(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    () => false,
  )
}
