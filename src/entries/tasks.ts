/** `sidewinder/tasks`: what a model can be trained to do, and what a task of one's own is made of. */
export { IGNORE, type Batch } from '../data/batch.ts'
export type { Table, TableRow } from '../data/table.ts'
export type { TextCorpus } from '../data/text.ts'
export type { RecordPart, SequenceRecord } from '../data/records.ts'
export { classify } from '../tasks/classify.ts'
export {
  defineTask,
  type OpenedTask,
  type PartSizes,
  type PredictedRow,
  type PredictedValue,
  type ReadData,
  type RunData,
  type Sources,
  type TaskDefinition,
} from '../tasks/definition.ts'
export { taskFor, TASKS, type TaskName } from '../tasks/index.ts'
export { sequenceInputs } from '../tasks/inputs.ts'
export { label } from '../tasks/label.ts'
export { labelLoss, labelTargets } from '../tasks/labels.ts'
export { language, type LanguageOptions } from '../tasks/language.ts'
export { ClassMeter, macroF1, type ClassOptions } from '../tasks/metrics/class-meter.ts'
export { NumberMeter, type Scale } from '../tasks/metrics/number-meter.ts'
export { regress, type RegressOptions } from '../tasks/regress.ts'
export {
  setting,
  type CommonSettings,
  type Setting,
  type Settings,
  type ValuesOf,
} from '../tasks/settings.ts'
export type { Cells } from '../tasks/tables/cells.ts'
export { tableTask, type TableTask } from '../tasks/tables/index.ts'
export type {
  Field,
  Fields,
  InputPart,
  LossUnit,
  Meter,
  MetricInfo,
  Metrics,
  Part,
  Sizes,
  Summary,
  TargetPart,
  Task,
  Tensors,
} from '../tasks/task.ts'
