/** The functions, in the order of the number that kernels know them by. */
export const ACTIVATIONS = [
  'identity',
  'silu',
  'sigmoid',
  'softplus',
  'gelu',
  'geluTanh',
  'relu',
  'relu2',
  'tanh',
  'exp',
  'log',
  'square',
  'heavyTail',
] as const
export type Activation = (typeof ACTIVATIONS)[number]
