/**
 * Sidewinder: run Mamba models. Training is in `sidewinder/train`, tasks in `sidewinder/tasks`, layers in `sidewinder/nn`, operations in
 * `sidewinder/ops`, files of weights in `sidewinder/checkpoints`.
 */
export { version } from '../package.json'
export type { AnyDevice, Device, DeviceName } from './devices/device.ts'
export { openDevice, type DeviceOptions } from './ops/open-device.ts'
export {
  CheckpointError,
  ConfigError,
  DeviceError,
  NumericsError,
  ShapeError,
  SidewinderError,
  StateError,
} from './errors.ts'
export { SessionBatch, type SessionBatchOptions, type BatchToken } from './language/session/batch.ts'
export { Chat, startChat, type ChatOptions } from './language/chat.ts'
export { folderStore } from './language/saved/folder-store.ts'
export { generateTokens, type GenerateOptions } from './language/generator.ts'
export { LanguageModel } from './language/language-model.ts'
export { opfsStore } from './language/saved/opfs-store.ts'
export { memoryStore, type PrefixStore } from './language/saved/prefix-store.ts'
export { scoreTokens, type Score, type ScoreOptions } from './language/score.ts'
export { Session, type AppendOptions, type SessionOptions } from './language/session/session.ts'
export type { SamplingSettings } from './language/settings.ts'
export { generateText, type TextOptions } from './language/text.ts'
export { modelConfig, type ArchitectureName, type ModelConfig, type ModelOptions } from './models/config.ts'
export { createModel, type CreateOptions } from './language/create-model.ts'
export { loadModel, loadSequenceModel, type LoadOptions } from './language/load-model.ts'
export type { HubOptions } from './checkpoints/hub/index.ts'
export type { LoadProgress, WeightFormat } from './models/files/fill.ts'
export { openCheckpoint, type Checkpoint, type ModelSource } from './models/files/open.ts'
export { stateSize, tensorEntries } from './models/files/inspect.ts'
export { Model, type ForwardOptions, type HostTensor } from './models/model.ts'
export { Random } from './tensor/random.ts'
export { persistent, scope } from './tensor/scope.ts'
export { tensor, Tensor } from './tensor/tensor.ts'
export type { ChatMessage, TextStream, Tokenizer } from './tokenizers/tokenizer.ts'
