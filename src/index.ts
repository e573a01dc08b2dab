/** Sidewinder: run Mamba models. Training is in `sidewinder/train`. */
export { version } from '../package.json'
export type { AnyDevice, Device, DeviceName } from './devices/device.ts'
export { openDevice, type DeviceOptions } from './devices/open.ts'
export {
  CheckpointError,
  ConfigError,
  DeviceError,
  NumericsError,
  ShapeError,
  SidewinderError,
  StateError,
} from './errors.ts'
export { Batch, type BatchOptions, type BatchToken } from './generate/batch.ts'
export { Chat, startChat, type ChatOptions } from './generate/chat.ts'
export { folderStore } from './generate/folder-store.ts'
export { generateTokens, type GenerateOptions } from './generate/generator.ts'
export { LanguageModel } from './generate/language-model.ts'
export { opfsStore } from './generate/opfs-store.ts'
export { memoryStore, type PrefixStore } from './generate/prefix-store.ts'
export { scoreTokens, type Score, type ScoreOptions } from './generate/score.ts'
export { Session, type AppendOptions, type SessionOptions } from './generate/session.ts'
export type { SamplingSettings } from './generate/settings.ts'
export { generateText, type TextOptions } from './generate/text.ts'
export { modelConfig, type Architecture, type ModelConfig, type ModelOptions } from './models/config.ts'
export { createModel, type CreateOptions } from './generate/create-model.ts'
export { loadModel, type LoadOptions } from './generate/load-model.ts'
export type { HubOptions } from './checkpoints/hub/index.ts'
export type { LoadProgress, WeightFormat } from './models/build-model.ts'
export { openCheckpoint, type Checkpoint, type ModelSource } from './models/checkpoint.ts'
export { stateSize, tensorEntries } from './models/inspect.ts'
export { Model, type ForwardOptions, type HostTensor } from './models/model.ts'
export { Attention, type AttentionOptions } from './nn/attention.ts'
export { LinearSSM, type LinearSSMOptions } from './nn/linear-ssm.ts'
export { Mamba1, type Mamba1Options } from './nn/mamba1.ts'
export { Mamba2, type Mamba2Options } from './nn/mamba2.ts'
export type { SequenceLayer, SequenceOptions, SequenceResult, State } from './nn/module.ts'
export { LayerNorm, RMSNorm } from './nn/norm.ts'
export { Parameters, type Parameter } from './nn/parameters.ts'
export { S4D, type S4DOptions } from './nn/s4d.ts'
export { randomNormal } from './nn/random-normal.ts'
export * as ops from './ops/public.ts'
export { Random } from './tensor/random.ts'
export { persistent, scope } from './tensor/scope.ts'
export { tensor, Tensor } from './tensor/tensor.ts'
export type { ChatMessage, TextStream, Tokenizer } from './tokenizers/tokenizer.ts'
