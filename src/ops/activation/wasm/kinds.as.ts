/** The places of the functions in ACTIVATIONS. `test/operations/kernels.test.ts` compares them. */
export const IDENTITY: i32 = 0
export const SILU: i32 = 1
export const SIGMOID: i32 = 2
export const SOFTPLUS: i32 = 3
export const GELU: i32 = 4
export const GELU_TANH: i32 = 5
export const RELU: i32 = 6
export const RELU2: i32 = 7
export const TANH: i32 = 8
export const EXP: i32 = 9
export const LOG: i32 = 10
export const SQUARE: i32 = 11
export const HEAVY_TAIL: i32 = 12
