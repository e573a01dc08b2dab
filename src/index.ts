/** Sidewinder: run Mamba models. Training is in `sidewinder/train`. */
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
export { Attention, type AttentionOptions } from './nn/mixers/attention.ts'
export { LinearSSM, type LinearSSMOptions } from './nn/mixers/linear-ssm.ts'
export { Mamba1, type Mamba1Options } from './nn/mixers/mamba1.ts'
export { Mamba2, type Mamba2Options } from './nn/mixers/mamba2.ts'
export { Mixer, type SequenceOptions, type SequenceResult } from './nn/mixer.ts'
export { LayerNorm, RMSNorm } from './nn/norm.ts'
export { dispose, Module, place, walk, type PlaceSource, type Walked } from './nn/module.ts'
export { parameter, Parameter, type ParameterOptions } from './nn/parameter.ts'
export { slot, States, type Slot, type Slots, type State } from './nn/states.ts'
export { S4D, type S4DOptions } from './nn/mixers/s4d.ts'
export { randomNormal } from './nn/random-normal.ts'
export * as ops from './ops/index.ts'
export { Random } from './tensor/random.ts'
export { persistent, scope } from './tensor/scope.ts'
export { tensor, Tensor } from './tensor/tensor.ts'
export type { ChatMessage, TextStream, Tokenizer } from './tokenizers/tokenizer.ts'
