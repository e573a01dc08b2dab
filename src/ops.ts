/** `sidewinder/ops`: the operations as functions of named tensors: differentiable, on every device. */
export * from './ops/index.ts'
