/**
 * `sidewinder/train`: data, optimizers, schedules, the loop, and runs in folders. Tasks are in
 * `sidewinder/tasks`.
 */
export type { Batch, Batches, BatchesState, BatchForm, Pass, PassBatch } from '../data/batch.ts'
export {
  carriedStreams,
  packedDocuments,
  randomWindows,
  type BatchOptions,
  type Corpus,
  type TokenBatch,
} from '../data/batches.ts'
export { slidingWindows, stretches, type StretchOptions, type WindowOptions } from '../data/passes.ts'
export type { SequenceRecord } from '../data/records.ts'
export { createModel, type CreateOptions } from '../language/create-model.ts'
export { withGradients } from '../ops/gradients.ts'
export type { Best } from '../runs/checkpoint.ts'
export type { StoredRun } from '../runs/run-file.ts'
export {
  evaluateRun,
  predictRun,
  resumeRun,
  startRun,
  type ResumeOptions,
  type RunEvaluation,
  type RunEvents,
  type RunOptions,
  type RunResult,
  type RunSettings,
  type RunStart,
} from '../runs/index.ts'
export {
  evaluate,
  predict,
  type EvaluateOptions,
  type ReadingOptions,
  type Evaluation,
  type Prediction,
} from '../tasks/evaluate.ts'
export {
  batchGradients,
  lossAndGradients,
  taskLoss,
  type GradientOptions,
  type LossAndGradients,
} from '../tasks/loss.ts'
export { predictRecords, type RecordPrediction } from '../tasks/predict.ts'
export {
  recordBatches,
  recordPass,
  type RecordBatchOptions,
  type RecordOptions,
  type RecordPassBatch,
} from '../tasks/record-batches.ts'
export { AdamW, adamW, type AdamWOptions, type Moments } from '../train/adamw.ts'
export {
  constantRate,
  cosine,
  warmupStableDecay,
  type Schedule,
  type WarmupOptions,
} from '../train/schedule.ts'
export {
  Trainer,
  type FitOptions,
  type TrainedStep,
  type TrainerOptions,
  type TrainerState,
} from '../train/trainer.ts'
