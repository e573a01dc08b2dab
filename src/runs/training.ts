/** The loop of a run: it trains, validates, saves, and tests what came out best. Node only. */
import { writeAtomically } from '../checkpoints/atomic.ts'
import type { Pass } from '../data/batch.ts'
import { NumericsError } from '../errors.ts'
import { basename, join } from '../platform.ts'
import type { Model } from '../models/model.ts'
import type { OpenedTask, PartSizes } from '../tasks/definition.ts'
import { evaluate, type Evaluation } from '../tasks/evaluate.ts'
import type { Task } from '../tasks/task.ts'
import { cosine, warmupStableDecay } from '../train/schedule.ts'
import { Trainer, type TrainedStep } from '../train/trainer.ts'
import { giveTurn } from '../turn.ts'
import { loadCheckpoint, loadWeights, saveCheckpoint, type Best, type Progress } from './checkpoint.ts'
import { lossCurve } from './curve.ts'
import { MetricsLog } from './metrics.ts'
import { createRunModel } from './model.ts'
import type { StoredRun } from './run-file.ts'
import type { CompleteSettings } from './settings.ts'

/** What a run begins with. */
export interface RunStart {
  readonly folder: string
  readonly task: Task
  readonly model: Model
  /** Steps done before; 0 for a new run. */
  readonly resumedFrom: number
  readonly steps: number
  readonly sizes: PartSizes
}

/** What is called while a run goes on. */
export interface RunEvents {
  /** Called once, before the first step. */
  onStart?(info: RunStart): void
  /** After each update. */
  onStep?(step: TrainedStep, steps: number): void
  /** After each validation. */
  onEvaluation?(evaluation: Evaluation, step: number, best: boolean): void
  /** Something went wrong that training can do without: the curve could not be written, say. */
  onWarning?(message: string): void
  /** After each training checkpoint. */
  onCheckpoint?(step: number): void
}

/** How a run ended. */
export interface RunResult {
  readonly folder: string
  /** With the weights of the last step. The caller disposes it. */
  readonly model: Model
  readonly step: number
  readonly stopped: 'finished' | 'interrupted' | 'patience'
  /** The best validation: its weights are the folder's model.safetensors. */
  readonly best: Best | undefined
  /**
   * How those weights do on the test part, if there is one and the run came to its end. It is in test.json,
   * too.
   */
  readonly test?: Evaluation
}

/** A run whose folder is locked, and whose data are read. */
export class Training {
  readonly model: Model
  readonly #folder: string
  readonly #run: StoredRun
  readonly #opened: OpenedTask
  readonly #trainer: Trainer
  #log: MetricsLog | undefined
  #best: Best | undefined
  /** Evaluations since the best one. */
  #stale = 0
  #seconds = 0
  #since = 0
  #warned = false

  /** Takes over the model. */
  constructor(folder: string, run: StoredRun, opened: OpenedTask, model: Model) {
    this.#folder = folder
    this.#run = run
    this.#opened = opened
    this.model = model
    this.#trainer = createTrainer(run, opened.task, this.model)
  }

  /**
   * Goes on from the newest checkpoint, or begins. What it decides depends on steps and losses alone, never
   * on time: a resumed run decides the same.
   */
  async train(events: RunEvents, signal: AbortSignal | undefined): Promise<RunResult> {
    const { steps } = this.#run
    const { training, task, sizes } = this.#opened
    await this.#restore(events)
    const folder = this.#folder
    events.onStart?.({ folder, task, model: this.model, resumedFrom: this.#trainer.done, steps, sizes })
    this.#since = performance.now()
    if (this.#outOfPatience()) return this.#result('patience')
    for await (const step of this.#trainer.fit(training)) {
      const last = step.step === steps
      events.onStep?.(step, steps)
      const better = await this.#afterStep(step, last, events)
      await giveTurn()
      const ended = last || this.#outOfPatience() || signal?.aborted === true
      if (ended || better || step.step % this.#run.checkpointEvery === 0) {
        await this.#save(events)
        events.onCheckpoint?.(step.step)
      }
      if (ended && !last) return this.#result(this.#outOfPatience() ? 'patience' : 'interrupted')
    }
    return this.#result('finished')
  }

  /** Gives back what training needs; the model stays. */
  async close(): Promise<void> {
    this.#trainer.dispose()
    await this.#log?.close()
  }

  async #restore(events: RunEvents): Promise<void> {
    const restored = await loadCheckpoint(this.#folder, this.#trainer, this.#opened.training)
    this.#log = await MetricsLog.open(
      this.#folder,
      this.#trainer.done,
      (error) => this.#warn(error, events),
      ({ message }) => events.onWarning?.(message),
    )
    if (restored) ({ best: this.#best, stale: this.#stale, seconds: this.#seconds } = restored)
  }

  /** Validates if it is time, and notes how the step went. True if the model is the best so far. */
  async #afterStep(step: TrainedStep, last: boolean, events: RunEvents): Promise<boolean> {
    const { step: at, loss, gradientNorm, learningRate } = step
    const { validation, task } = this.#opened
    let better = false
    let validated: Evaluation | undefined
    if (validation && (last || at % this.#run.evaluateEvery === 0)) {
      validated = await this.#evaluate(this.model, validation, 'validation')
      better = isBetter(task, validated, this.#best)
      if (better) this.#best = bestOf(task, validated, at)
      this.#stale = better ? 0 : this.#stale + 1
      events.onEvaluation?.(validated, at, better)
    }
    await this.#log!.append({
      step: at,
      loss,
      gradientNorm,
      learningRate,
      ...(validated && { validation: validated.loss, metrics: validated.metrics }),
    })
    return better
  }

  async #save(events: RunEvents): Promise<void> {
    const now = performance.now()
    this.#seconds += (now - this.#since) / 1000
    this.#since = now
    await this.#log!.flush()
    const progress: Progress = {
      trainer: this.#trainer.save(this.#opened.training),
      best: this.#best,
      stale: this.#stale,
      seconds: this.#seconds,
    }
    await saveCheckpoint(this.#folder, this.#trainer, progress)
    const { architecture, data, from } = this.#run
    const title = `${from ?? architecture}, ${basename(data)}`
    const curve = lossCurve(this.#log!.all, title, this.#opened.task.unit)
    await writeAtomically(join(this.#folder, 'loss.svg'), curve).catch((error: unknown) =>
      this.#warn(error, events),
    )
  }

  /** Says once that something is not written which training can do without. */
  #warn(error: unknown, events: RunEvents): void {
    if (this.#warned) return
    this.#warned = true
    const { message } = error as Error
    events.onWarning?.(`training goes on, but its metrics and curve are not written: ${message}`)
  }

  async #result(stopped: RunResult['stopped']): Promise<RunResult> {
    const test = stopped === 'interrupted' ? undefined : await this.#test()
    return {
      folder: this.#folder,
      model: this.model,
      step: this.#trainer.done,
      stopped,
      best: this.#best,
      ...(test && { test }),
    }
  }

  /** Evaluates the weights in the run's model.safetensors on the test part, which nothing was chosen by. */
  async #test(): Promise<Evaluation | undefined> {
    const { test } = this.#opened
    if (!test) return undefined
    const best = createRunModel(this.model.config, this.model.device, this.#run.seed)
    try {
      await loadWeights(this.#folder, best)
      const evaluation = await this.#evaluate(best, test, 'test')
      await writeAtomically(join(this.#folder, 'test.json'), `${JSON.stringify(evaluation, null, 2)}\n`)
      return evaluation
    } finally {
      best.dispose()
    }
  }

  async #evaluate(model: Model, pass: Pass, where: string): Promise<Evaluation> {
    try {
      return await evaluate(model, this.#opened.task, pass)
    } catch (cause) {
      if (!(cause instanceof NumericsError)) throw cause
      throw new NumericsError(`training stopped: the ${where} loss is not a finite number`, {
        where: cause.where,
        hint: 'The last checkpoint is kept. Start again with a lower learning rate',
        cause,
      })
    }
  }

  #outOfPatience(): boolean {
    return this.#run.patience > 0 && this.#stale >= this.#run.patience
  }
}

/** What a task measures models by: its objective, or the loss. */
const valueOf = ({ objective }: Task, { metrics, loss }: Evaluation): number =>
  objective === undefined ? loss : metrics[objective]

/**
 * Whether a validation is better than the best so far. Of two with the same objective, that with the lower
 * loss is.
 */
function isBetter(task: Task, evaluation: Evaluation, best: Best | undefined): boolean {
  if (best === undefined) return true
  const value = valueOf(task, evaluation)
  const before = best.value ?? best.loss
  if (value === before) return evaluation.loss < best.loss
  const higher = task.objective !== undefined && task.metrics[task.objective].higher
  return higher ? value > before : value < before
}

function bestOf(task: Task, evaluation: Evaluation, step: number): Best {
  const { loss } = evaluation
  return { step, loss, ...(task.objective !== undefined && { value: valueOf(task, evaluation) }) }
}

function createTrainer(settings: CompleteSettings, task: Task, model: Model): Trainer {
  const schedule = settings.schedule === 'cosine' ? cosine : warmupStableDecay
  return new Trainer(model, {
    task,
    optimizer: { weightDecay: settings.weightDecay },
    schedule: schedule({ peak: settings.learningRate }),
    steps: settings.steps,
    accumulation: settings.accumulation,
    maxNorm: settings.maxNorm,
    recompute: settings.recompute,
  })
}
