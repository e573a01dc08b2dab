/** Training: optimizers, schedules and the loop. */
export {
  carriedStreams,
  packedDocuments,
  randomWindows,
  type Batch,
  type Batches,
  type BatchOptions,
  type Corpus,
} from '../data/batches.ts'
export { createModel, type CreateOptions } from '../language/create-model.ts'
export { languageLoss, lossAndGradients, type LossAndGradients } from '../models/loss.ts'
export { withGradients } from '../ops/gradients.ts'
export { AdamW, adamW, type AdamWOptions } from './adamw.ts'
export { evaluate, type EvaluateOptions, type Evaluation } from './evaluate.ts'
export { constantRate, cosine, warmupStableDecay, type Schedule } from './schedule.ts'
export { Trainer, type TrainedStep, type TrainerOptions } from './trainer.ts'
