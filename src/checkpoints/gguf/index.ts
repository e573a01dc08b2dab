/** GGUF files: the containers of llama.cpp. */
export { sealedGgufParts } from './checksums.ts'
export { encodeRows, type EncodedDType } from './encode.ts'
export { readGgufParts } from './parts.ts'
export { readGguf, type Gguf } from './read.ts'
export type { GgufNumbers, GgufNumberType, GgufValue, TypedGgufArray, TypedGgufValue } from './values.ts'
export type { GgufTensorPlan } from './write.ts'
