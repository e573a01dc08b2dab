/** Trains a byte-level language model on text, in a run folder that can be resumed. Node only. */
import { readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { carriedStreams, packedDocuments, randomWindows, type Batches, type Corpus } from '../data/batches.ts'
import { readText, splitCorpus, type TextCorpus } from '../data/text.ts'
import type { AnyDevice } from '../devices/device.ts'
import { ConfigError, NumericsError } from '../errors.ts'
import { modelConfig } from '../models/config.ts'
import { configText } from '../models/published.ts'
import { Model } from '../models/model.ts'
import { evaluate, type Evaluation } from '../train/evaluate.ts'
import { cosine, warmupStableDecay } from '../train/schedule.ts'
import { Trainer, type TrainedStep } from '../train/trainer.ts'
import { loadCheckpoint, saveCheckpoint, type Progress } from './checkpoint.ts'
import { lossCurve } from './curve.ts'
import { makeFolder, removeLeftovers, writeAtomically } from '../checkpoints/atomic.ts'
import { lockFolder } from './lock.ts'
import { MetricsLog } from './metrics.ts'
import { nextRunFolder } from './folder.ts'
import { holdsRun, readRun, writeRun } from './run-file.ts'
import type { TextRun } from './settings.ts'

/** Most bytes that an evaluation reads: of a longer held-out text, the beginnings of stretches evenly apart. */
const EVALUATED_BYTES = 2 ** 17

export interface TextRunStart {
  readonly folder: string
  readonly model: Model
  /** Steps done before; 0 for a new run. */
  readonly resumedFrom: number
  readonly steps: number
  readonly trainingBytes: number
  readonly validationBytes: number
}

export interface TextRunEvents {
  /** Called once, before the first step. */
  onStart?(info: TextRunStart): void
  onStep?(step: TrainedStep, steps: number): void
  onEvaluation?(evaluation: Evaluation, step: number, best: boolean): void
  onCheckpoint?(step: number): void
}

export interface TextRunResult {
  readonly folder: string
  /** With the weights of the last step. The caller disposes it. */
  readonly model: Model
  readonly step: number
  readonly stopped: 'finished' | 'interrupted' | 'patience'
  /** Lowest validation loss, in nats a byte, and its step: the weights in the folder's model.safetensors. */
  readonly best: Progress['best']
}

export interface TextRunOptions {
  readonly device: AnyDevice
  readonly events?: TextRunEvents
  /** Aborted: the step under way is finished and saved. */
  readonly signal?: AbortSignal
}

/** Starts a run in a new folder; without a name it is runs/<name of the data>-<n>. */
export async function startTextRun(
  run: TextRun,
  { folder: name, ...options }: TextRunOptions & { readonly folder?: string | undefined },
): Promise<TextRunResult> {
  const config = modelConfig({ ...run, stateSize: run.state, vocabulary: 256 })
  const corpus = await readText(run.data)
  // Throws if the text is too short, before anything is written.
  batchesOf(run, splitCorpus(corpus, run.validationPart).training)
  const folder = name ?? (await nextRunFolder(run.data))
  await makeFolder(folder)
  return locked(folder, async () => {
    await expectNoRun(folder)
    await writeAtomically(join(folder, 'config.json'), configText(config))
    const stored = { ...run, data: resolve(run.data), dataHash: corpus.hash, device: options.device.name }
    await writeRun(folder, stored)
    return continueRun(folder, stored, corpus, options)
  })
}

/** Continues a run from its newest checkpoint, to the same weights as if it had never stopped. */
export async function resumeTextRun(
  folder: string,
  {
    data,
    ...options
  }: TextRunOptions & { /** Where the text is now, if it was moved. */ readonly data?: string | undefined },
): Promise<TextRunResult> {
  const run = await readRun(folder)
  const corpus = await readText(data ?? run.data)
  if (corpus.hash !== run.dataHash) {
    throw new ConfigError('the data has changed since the run began', {
      where: data ?? run.data,
      expected: `SHA-256 ${run.dataHash}`,
      found: corpus.hash,
    })
  }
  return locked(folder, () => continueRun(folder, run, corpus, options))
}

async function locked<T>(folder: string, body: () => Promise<T>): Promise<T> {
  const unlock = await lockFolder(folder)
  try {
    await removeLeftovers(folder)
    return await body()
  } finally {
    unlock()
  }
}

async function expectNoRun(folder: string): Promise<void> {
  if (await holdsRun(folder)) {
    throw new ConfigError('the folder holds a run already', {
      where: folder,
      hint: `Continue it with --resume ${folder}, or choose another folder with --out`,
    })
  }
  const strange = (await readdir(folder)).find((name) => name !== 'config.json' && !name.startsWith('.'))
  if (strange !== undefined) {
    throw new ConfigError('the folder holds other files', {
      where: folder,
      found: strange,
      hint: 'Choose a new or empty folder with --out',
    })
  }
}

async function continueRun(
  folder: string,
  run: TextRun,
  corpus: TextCorpus,
  { device, events = {}, signal }: TextRunOptions,
): Promise<TextRunResult> {
  const { training, validation } = splitCorpus(corpus, run.validationPart)
  const batches = batchesOf(run, training)
  const model = Model.create(modelConfig({ ...run, stateSize: run.state, vocabulary: 256 }), device, run.seed)
  const trainer = createTrainer(run, model)
  try {
    const restored = await loadCheckpoint(folder, trainer, batches)
    const log = await MetricsLog.open(folder, trainer.done)
    try {
      events.onStart?.({
        folder,
        model,
        resumedFrom: trainer.done,
        steps: run.steps,
        trainingBytes: training.tokens.length,
        validationBytes: validation.length,
      })
      return await trainOn(
        { folder, run, model, trainer, batches, validation, log, events, signal },
        restored,
      )
    } finally {
      await log.close()
    }
  } catch (error) {
    model.dispose()
    throw error
  } finally {
    trainer.dispose()
  }
}

interface Going {
  readonly folder: string
  readonly run: TextRun
  readonly model: Model
  readonly trainer: Trainer
  readonly batches: Batches
  readonly validation: Uint8Array
  readonly log: MetricsLog
  readonly events: TextRunEvents
  readonly signal: AbortSignal | undefined
}

/** The loop. What it decides depends on steps and losses alone, never on time: a resumed run decides the same. */
async function trainOn(going: Going, restored: Progress | undefined): Promise<TextRunResult> {
  const { folder, run, model, trainer, batches, validation, log, events, signal } = going
  let { best, stale, seconds } = restored ?? { best: undefined, stale: 0, seconds: 0 }
  let since = performance.now()
  const outOfPatience = (): boolean => run.patience > 0 && stale >= run.patience
  const result = (stopped: TextRunResult['stopped']): TextRunResult => ({
    folder,
    model,
    step: trainer.done,
    stopped,
    best,
  })
  if (outOfPatience()) return result('patience')
  for await (const step of trainer.fit(batches)) {
    const { step: at, loss, gradientNorm, learningRate } = step
    const last = at === run.steps
    let better = false
    let validated: Evaluation | undefined
    events.onStep?.(step, run.steps)
    if (validation.length > 1 && (last || at % run.evaluateEvery === 0)) {
      validated = await validate(model, validation, run)
      better = best === undefined || validated.loss < best.loss
      if (better) best = { step: at, loss: validated.loss }
      stale = better ? 0 : stale + 1
      events.onEvaluation?.(validated, at, better)
    }
    await log.append({
      step: at,
      loss,
      gradientNorm,
      learningRate,
      ...(validated && { validation: validated.loss }),
    })
    // The device may compute on this thread: without a turn, signals and timers would never be heard.
    await nextTurn()
    const ended = last || outOfPatience() || signal?.aborted === true
    if (ended || better || at % run.checkpointEvery === 0) {
      seconds += (performance.now() - since) / 1000
      since = performance.now()
      await log.flush()
      await saveCheckpoint(folder, trainer, { trainer: trainer.save(batches), best, stale, seconds })
      await writeAtomically(
        join(folder, 'loss.svg'),
        lossCurve(log.all, `${run.architecture}, ${basename(run.data)}`),
      )
      events.onCheckpoint?.(at)
    }
    if (ended && !last) return result(outOfPatience() ? 'patience' : 'interrupted')
  }
  return result('finished')
}

async function validate(model: Model, validation: Uint8Array, run: TextRun): Promise<Evaluation> {
  const windows = Math.ceil(EVALUATED_BYTES / (run.batch * run.length))
  const evaluation = await evaluate(model, validation, { batch: run.batch, length: run.length, windows })
  if (Number.isFinite(evaluation.loss)) return evaluation
  throw new NumericsError('training stopped: the validation loss is not a finite number', {
    where: 'validation',
    found: evaluation.loss,
    hint: 'The last checkpoint is kept. Start again with a lower learning rate',
  })
}

function createTrainer(run: TextRun, model: Model): Trainer {
  const schedule = run.schedule === 'cosine' ? cosine : warmupStableDecay
  return new Trainer(model, {
    optimizer: { weightDecay: run.weightDecay },
    schedule: schedule({ peak: run.learningRate }),
    steps: run.steps,
    accumulation: run.accumulation,
    maxNorm: run.maxNorm,
    recompute: run.recompute,
  })
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
    default:
      throw new ConfigError('unknown batching', { found: String(run.batching satisfies never) })
  }
}
