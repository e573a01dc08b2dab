/**
 * Sidewinder: run Mamba models. Training is in `sidewinder/train`, tasks in `sidewinder/tasks`, layers in
 * `sidewinder/nn`, operations in `sidewinder/ops`, files of weights in `sidewinder/checkpoints`.
 */
export { version } from '../../package.json'
export type { Choices, ChoiceValues, DeviceClass } from '../devices/choices.ts'
export type {
  AnyDevice,
  Arena,
  Device,
  DeviceName,
  DType,
  HostArray,
  LaunchList,
  Operand,
  Storage,
} from '../devices/device.ts'
export { openDevice, type DeviceOptions } from '../ops/open-device.ts'
export {
  CheckpointError,
  ConfigError,
  DeviceError,
  NumericsError,
  ShapeError,
  SidewinderError,
  StateError,
  type ErrorDetails,
} from '../errors.ts'
export { SessionBatch, type SessionBatchOptions, type BatchToken } from '../language/session/batch.ts'
export { Chat, startChat, type ChatOptions } from '../language/chat.ts'
export { folderStore } from '../language/saved/folder-store.ts'
export { generateTokens, type GenerateOptions, type PromptOptions } from '../language/generator.ts'
export { LanguageModel } from '../language/language-model.ts'
export { opfsStore } from '../language/saved/opfs-store.ts'
export { memoryStore, type PrefixStore, type StoreOptions } from '../language/saved/prefix-store.ts'
export { scoreTokens, type Score, type ScoreOptions } from '../language/score.ts'
export { Session } from '../language/session/session.ts'
export type { AppendOptions } from '../language/options.ts'
export type { RestoreOptions, SessionOptions } from '../language/session/session-options.ts'
export type { Bytes, TokenIds } from '../check.ts'
export type { SamplingSettings } from '../language/settings.ts'
export { generateText, type TextOptions } from '../language/text.ts'
export {
  modelConfig,
  type ArchitectureName,
  type LayerConfig,
  type ModelConfig,
  type ModelOptions,
} from '../models/config.ts'
export type { AnyLayer, HeadConfig, InputConfig, StackConfig } from '../models/stack-config.ts'
export { createModel, type CreateLanguageOptions, type CreateOptions } from '../language/create-model.ts'
export type { LoadOptions } from '../language/load-model.ts'
export { loadModel, loadSequenceModel } from '../language/loading.ts'
export type { HubOptions } from '../checkpoints/hub/index.ts'
export type { LoadProgress, WeightFormat } from '../models/files/fill.ts'
export type { SaveTarget } from '../models/files/folder.ts'
export type { SaveOptions } from '../models/files/save.ts'
export {
  openCheckpoint,
  type Checkpoint,
  type ModelSource,
  type SourceOptions,
} from '../models/files/open.ts'
export { stateSize, tensorEntries } from '../models/files/inspect.ts'
export { Model, type ForwardOptions, type HostTensor } from '../models/model.ts'
export type { Layer, Stream } from '../models/layer.ts'
export type { LayersOptions, Stack } from '../models/stack.ts'
export { Random, type RandomState } from '../tensor/random.ts'
export { persistent, scope } from '../tensor/scope.ts'
export type { Shape } from '../tensor/shape.ts'
export { tensor, Tensor, type Values } from '../tensor/tensor.ts'
export type { ChatMessage, ChatTemplateOptions, TextStream, Tokenizer } from '../tokenizers/tokenizer.ts'
