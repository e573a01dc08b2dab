/** GGUF files: the containers of llama.cpp. */
export { encodeRows, type EncodedDType } from './encode.ts'
export { readGguf } from './read.ts'
export type { TypedGgufValue } from './values.ts'
export { ggufParts, type GgufTensorPlan } from './write.ts'
