/** `sidewinder/nn`: what layers and models are made of, and the layers. */
export { CausalConv1d, type CausalConv1dOptions } from '../nn/causal-conv1d.ts'
export { GatedMLP, type GatedMLPOptions } from '../nn/gated-mlp.ts'
export { hiddenAttention, type HiddenAttentionOptions } from '../nn/hidden-attention.ts'
export * as initializers from '../nn/initializers.ts'
export type { Initializer } from '../nn/initializers.ts'
export { Normed, project, valueOf, type Input } from '../nn/input.ts'
export { Embedding, Linear, type LinearOptions } from '../nn/linear.ts'
export { Mixer, type SequenceOptions, type SequenceResult } from '../nn/mixer.ts'
export { Attention, type AttentionOptions } from '../nn/mixers/attention.ts'
export { LinearSSM, type LinearSSMOptions } from '../nn/mixers/linear-ssm.ts'
export { Mamba1, type Mamba1Options } from '../nn/mixers/mamba1.ts'
export { Mamba2, type Mamba2Options } from '../nn/mixers/mamba2.ts'
export { S4D, type S4DOptions } from '../nn/mixers/s4d.ts'
export {
  constant,
  Constant,
  dispose,
  Module,
  place,
  walk,
  type PlaceSource,
  type Walked,
} from '../nn/module.ts'
export { LayerNorm, RMSNorm } from '../nn/norm.ts'
export { note, observe, underPath, type ObserveOptions, type Observer } from '../nn/observe.ts'
export {
  parameter,
  Parameter,
  type AlternativeForm,
  type ParameterOptions,
  type StoredFormat,
} from '../nn/parameter.ts'
export { randomNormal } from '../nn/random-normal.ts'
export { slot, States, type NamedTensors, type Slot, type Slots, type State } from '../nn/states.ts'
