/** `sidewinder/checkpoints`: files of weights as named tensors, whatever the format, and back. */
export type { Folder } from '../checkpoints/files.ts'
export {
  readGguf,
  type Gguf,
  type GgufNumbers,
  type GgufNumberType,
  type GgufValue,
  type TypedGgufArray,
  type TypedGgufValue,
} from '../checkpoints/gguf/index.ts'
export {
  openHub,
  parseHubId,
  type DownloadProgress,
  type HubId,
  type HubOptions,
} from '../checkpoints/hub/index.ts'
export { readPytorch } from '../checkpoints/pytorch/index.ts'
export { writeSafetensors, type TensorToStore } from '../checkpoints/safetensors-writer.ts'
export { readSafetensors, type Safetensors } from '../checkpoints/safetensors.ts'
export type { FileLike, FileSource, Staging } from '../checkpoints/source.ts'
export type { StoredTensor } from '../checkpoints/stored.ts'
export { stateSize, tensorEntries, type StateSize, type TensorEntry } from '../models/files/inspect.ts'
export { openCheckpoint, type Checkpoint, type ModelSource } from '../models/files/open.ts'
