import * as v from 'valibot'
import { abortSignal, between, callback, check, countFrom, flag, needed, optionsOf } from '../check.ts'
import type { Batches, BatchesState } from '../data/batch.ts'
import { DISPOSE } from '../disposal.ts'
import { ConfigError, NumericsError, StateError } from '../errors.ts'
import { MODEL, type Model } from '../models/model.ts'
import { taskFor } from '../tasks/index.ts'
import { expectTrainable } from '../tasks/loss.ts'
import { expectHead, TASK, type Task } from '../tasks/task.ts'
import { AdamW, type AdamWOptions } from './adamw.ts'
import type { Schedule } from './schedule.ts'
import { giveTurn } from '../turn.ts'
import { createTrainingStep, type StepReport, type TrainingStep } from './training-step.ts'

/** How a model is trained. */
export interface TrainerOptions {
  /** What the model learns. Default: what its head is for (`taskFor`). */
  readonly task?: Task
  readonly optimizer?: AdamWOptions
  readonly schedule: Schedule
  /** Updates in all: what the schedule is stretched over. */
  readonly steps: number
  /**
   * Batches to an update, whose gradient is that of the mean over all that counts in any of them. Default: 1.
   */
  readonly accumulation?: number
  /** Largest global norm of the gradient. Default: 1; Infinity turns clipping off. */
  readonly maxNorm?: number
  /** Less memory, the same numbers: compute each layer's inside again in backward. */
  readonly recompute?: boolean
}

const readOptions = optionsOf<TrainerOptions>({
  task: TASK,
  optimizer: v.custom<AdamWOptions>((value) => value !== null, 'options of AdamW'),
  schedule: needed(callback),
  steps: needed(countFrom(0)),
  accumulation: countFrom(1),
  maxNorm: v.union(
    [between(Number.MIN_VALUE, Number.MAX_VALUE), v.literal(Number.POSITIVE_INFINITY)],
    'a positive number, or Infinity',
  ),
  recompute: flag,
})

/** What ends a training before its last step. */
export interface FitOptions {
  /** Ends it between two updates: the reason of the signal is thrown. `fit` then goes on from there. */
  readonly signal?: AbortSignal | undefined
}

const readFit = optionsOf<FitOptions>({ signal: abortSignal })

/** What is known of one update. */
export interface TrainedStep {
  /** Updates done, this one included. */
  readonly step: number
  /** Mean over all that counted in the update: for classes cross-entropy in nats. */
  readonly loss: number
  readonly gradientNorm: number
  readonly learningRate: number
  /** Positions that went in. */
  readonly tokens: number
}

/** Everything besides weights and moments that training continues from. */
export interface TrainerState {
  readonly step: number
  readonly batches: BatchesState
}

/** Trains a model. `for await (const step of trainer.fit(batches))` does one update at a time. */
export class Trainer {
  readonly model: Model
  readonly optimizer: AdamW
  readonly #options: Required<Omit<TrainerOptions, 'optimizer'>>
  #done = 0
  #step: TrainingStep | undefined
  #batches: Batches | undefined
  #disposed = false

  /**
   * @throws ConfigError if the model's weights are packed, or its head is not that of the task
   */
  constructor(model: Model, given: TrainerOptions) {
    expectTrainable(check(model, MODEL, 'Trainer'))
    const { optimizer = {}, task = taskFor(model.config), ...options } = readOptions(given, 'Trainer')
    expectHead(task, model.config)
    this.model = model
    this.optimizer = new AdamW(model.parameters, optimizer)
    this.#options = { task, accumulation: 1, maxNorm: 1, recompute: false, ...options }
  }

  /** Updates done so far. */
  get done(): number {
    return this.#done
  }

  /** Memory of activations and gradients, in bytes. The same after every step. */
  get arenaBytes(): number {
    return this.#step?.arenaBytes ?? 0
  }

  /** Most bytes of activations and gradients in use at once. */
  get arenaPeak(): number {
    return this.#step?.arenaPeak ?? 0
  }

  /** States carried between steps, to be saved with a checkpoint. */
  get states(): TrainingStep['states'] {
    return this.#step?.states
  }

  /**
   * Makes ready for batches of this form; `fit` calls it. Before loading a checkpoint's states, call it
   * yourself.
   */
  attach(batches: Batches): void {
    this.#expectAlive()
    if (this.#batches === batches) return
    this.#step?.dispose()
    this.#batches = batches
    this.#step = createTrainingStep(this.model, this.optimizer, batches, this.#options)
  }

  /**
   * Updates until `steps` are done. Stop early by leaving the loop.
   *
   * @throws ShapeError for tokens or targets that cannot be, before they reach the device; NumericsError for
   * a loss or gradient that is not finite, which names the step and the first layer at fault; weights and
   * moments are then as they were before the step
   */
  async *fit(batches: Batches, options: FitOptions = {}): AsyncGenerator<TrainedStep, void, void> {
    const { signal } = readFit(options, 'fit')
    signal?.throwIfAborted()
    this.attach(batches)
    const { schedule, steps, accumulation } = this.#options
    while (this.#done < steps) {
      await giveTurn(signal)
      this.#expectAlive()
      const learningRate = rateOf(schedule, this.#done, steps)
      const report = await this.#step!.run(batches, learningRate, this.#done)
      await this.#expectFinite(report)
      this.#done++
      this.model.changed()
      const tokens = batches.batch * batches.length * accumulation
      const { loss, gradientNorm } = report
      yield { step: this.#done, loss, gradientNorm, learningRate, tokens }
    }
  }

  /** Where training is, to go on from there with the same bits. */
  save(batches: Batches): TrainerState {
    return { step: this.#done, batches: batches.save() }
  }

  /** Goes on from where training was. */
  restore(state: TrainerState, batches: Batches): void {
    this.#done = state.step
    batches.restore(state.batches)
  }

  /**
   * Gives the memory of the step and of the optimizer back; the model stays. A training that is under way
   * rejects with a StateError at its next step. Safe to call again.
   */
  dispose(): void {
    this.#disposed = true
    this.#step?.dispose()
    this.optimizer.dispose()
  }

  [DISPOSE](): void {
    this.dispose()
  }

  #expectAlive(): void {
    if (this.#disposed) throw new StateError('the trainer was disposed', { where: 'train' })
    this.model.expectAlive()
  }

  async #expectFinite({ loss, gradientNorm, squares }: StepReport): Promise<void> {
    if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return
    const names = [...this.model.parameters.keys()]
    const bad = names[squares.findIndex((each) => !Number.isFinite(each))]
    const fault = Number.isFinite(loss) ? undefined : await this.#step?.fault()
    const where = Number.isFinite(loss)
      ? `gradient of ${bad ?? 'the sum over all parameters'}`
      : (fault?.where ?? 'loss')
    throw new NumericsError(`training stopped at step ${this.#done + 1}: not a finite number`, {
      where,
      found: Number.isFinite(loss) ? gradientNorm : loss,
      hint: 'The weights are as they were before this step, and the last checkpoint is kept. Start again with a lower learning rate, a longer warmup or a smaller maximum norm',
    })
  }
}

/** What a schedule of the caller's says, which must be a rate: NaN would be in all weights after the step. */
function rateOf(schedule: Schedule, done: number, steps: number): number {
  const rate = schedule(done, steps)
  if (Number.isFinite(rate) && rate >= 0) return rate
  throw new ConfigError('the schedule gives no rate', {
    where: `step ${done + 1}`,
    expected: 'a number, 0 or more',
    found: rate,
  })
}
