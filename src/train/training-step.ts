import type { LaunchList } from '../devices/device.ts'
import type { Batches } from '../data/batch.ts'
import { findFault, type Fault } from '../models/faults.ts'
import type { Model } from '../models/model.ts'
import type { States } from '../nn/states.ts'
import {
  accumulate,
  clipFactor,
  concat,
  copyInto,
  fill,
  sumOfSquares,
  withGradients,
  zeros,
} from '../ops/index.ts'
import { batchTensors, disposeTensors, writeBatch } from '../tasks/batch-tensors.ts'
import { taskLoss } from '../tasks/loss.ts'
import { checkBatch, fieldsOf, sizesOf, type Sizes, type Task, type Tensors } from '../tasks/task.ts'
import { persistent, scope } from '../tensor/scope.ts'
import { empty, tensor, type Tensor } from '../tensor/tensor.ts'
import type { AdamW } from './adamw.ts'

export interface TrainingStepOptions {
  readonly task: Task
  /** Batches to an update: its gradient is that of the mean over all that counts in any of them. */
  readonly accumulation: number
  /** Largest global norm of the gradient; Infinity turns clipping off. */
  readonly maxNorm: number
  /** Recompute each layer's inside in backward. */
  readonly recompute: boolean
}

/** What a step says of itself. */
export interface StepReport {
  /** Mean over all that counted in the update, in what the task measures. */
  readonly loss: number
  /** Global norm of the gradient before clipping. */
  readonly gradientNorm: number
  /** Sum of squares of each parameter's gradient, in the order of the parameters. */
  readonly squares: Float32Array
}

/**
 * One step of training as launch lists: forward, backward and update are recorded at the first step and
 * replayed at all others, on the same memory.
 */
export class TrainingStep {
  readonly #model: Model
  readonly #optimizer: AdamW
  readonly #options: TrainingStepOptions
  readonly #sizes: Sizes
  /** Of the batch. */
  readonly #tensors: Tensors
  /** In the order of the model. */
  readonly #parameters: readonly Tensor[]
  readonly #losses: Tensor
  readonly #norm: Tensor
  readonly #squares: Tensor
  readonly #cotangent: Tensor
  readonly #sums: ReadonlyMap<Tensor, Tensor> | undefined
  readonly #arena
  /** Carried from step to step; undefined if rows do not continue. */
  readonly states: States | undefined
  #micro: LaunchList | undefined
  #update: LaunchList | undefined

  constructor(model: Model, optimizer: AdamW, batches: Batches, options: TrainingStepOptions) {
    const { device } = model
    const parameters = [...model.parameters.values()].map((parameter) => parameter.tensor)
    this.#model = model
    this.#parameters = parameters
    this.#optimizer = optimizer
    this.#options = options
    this.#arena = device.createArena()
    this.#sizes = sizesOf(model.config, batches)
    this.#tensors = batchTensors(device, fieldsOf(options.task, this.#sizes))
    this.#losses = zeros(device, [1])
    this.#norm = zeros(device, [1])
    this.#squares = zeros(device, [parameters.length])
    this.#cotangent = tensor(device, [1])
    this.#sums =
      options.accumulation > 1
        ? new Map(parameters.map((each) => [each, zeros(device, each.shape)]))
        : undefined
    this.states = batches.carried ? model.createStates(batches.batch) : undefined
  }

  /** Most bytes of activations and gradients that were in use at once. */
  get arenaPeak(): number {
    return this.#arena.peakBytes
  }

  /** Bytes of the arena that activations and gradients live in. */
  get arenaBytes(): number {
    return this.#arena.reservedBytes
  }

  async run(batches: Batches, learningRate: number, stepsDone: number): Promise<StepReport> {
    const { accumulation, task } = this.#options
    const parts = Array.from({ length: accumulation }, () => batches.next())
    const counts = parts.map((part) => checkBatch(task, part, this.#sizes))
    // Nothing counts: then every loss and gradient is 0.
    const total = counts.reduce((sum, count) => sum + count, 0) || 1
    let loss = 0
    this.#optimizer.prepare(learningRate, stepsDone)
    for (const [i, part] of parts.entries()) {
      writeBatch(this.#tensors, part)
      // Each part's loss is a mean over what counts in it.
      if (accumulation > 1) this.#cotangent.write(Float32Array.of(counts[i] / total))
      if (i === 0 && this.#sums) for (const sum of this.#sums.values()) fill(sum, 0)
      this.#micro = this.#recordOrReplay(this.#micro, () => this.#forwardBackward())
      loss += ((await this.#losses.item()) * counts[i]) / total
    }
    if (this.#sums) this.#update = this.#recordOrReplay(this.#update, () => this.#apply(this.#sums!))
    const gradientNorm = await this.#norm.item()
    const squares = (await this.#squares.read()) as Float32Array
    return { loss, gradientNorm, squares }
  }

  /** The first part of the model whose numbers are not finite for the last batch; undefined: all are. */
  fault(): Promise<Fault | undefined> {
    const { states } = this
    return findFault('not finite', () =>
      taskLoss(this.#model, this.#options.task, this.#tensors, { states, recompute: false }),
    )
  }

  dispose(): void {
    const own = [this.#losses, this.#norm, this.#squares, this.#cotangent, ...(this.#sums?.values() ?? [])]
    for (const tensor of own) tensor.dispose()
    disposeTensors(this.#tensors)
    this.states?.dispose()
    this.#arena.destroy()
  }

  #recordOrReplay(list: LaunchList | undefined, body: () => void): LaunchList {
    const { device } = this.#model
    if (!list) return device.record(() => scope(body, this.#arena))
    device.replay(list)
    return list
  }

  #forwardBackward(): void {
    const { states } = this
    const { result, gradients } = withGradients(
      this.#parameters,
      () =>
        taskLoss(this.#model, this.#options.task, this.#tensors, {
          states,
          recompute: this.#options.recompute,
        }),
      ({ loss }) => new Map([[loss, this.#cotangent]]),
    )
    copyInto(this.#losses, result.loss)
    // Only now: backward reads the states that the step began with.
    states?.take(result.states)
    if (!this.#sums) this.#apply(gradients)
    else for (const [parameter, gradient] of gradients) accumulate(this.#sums.get(parameter)!, gradient)
  }

  #apply(gradients: ReadonlyMap<Tensor, Tensor>): void {
    const squares = this.#parameters.map((each) => {
      const gradient = gradients.get(each)
      return gradient ? sumOfSquares({ x: gradient }) : fill(empty(each.device, [1]), 0)
    })
    copyInto(this.#squares, concat(squares))
    const { norm, factor } = clipFactor({ squares: this.#squares }, { maxNorm: this.#options.maxNorm })
    copyInto(this.#norm, norm)
    this.#optimizer.update(gradients, factor)
  }
}

/** Runs outside any scope, so that what it makes is kept. */
export const createTrainingStep = (...args: ConstructorParameters<typeof TrainingStep>): TrainingStep =>
  persistent(() => new TrainingStep(...args))
