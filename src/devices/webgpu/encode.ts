/** A launch that can be encoded without looking anything up. */
export interface CompiledLaunch {
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly x: number
  readonly y: number
  readonly z: number
}

/** Adds launches to a pass. */
export function encode(pass: GPUComputePassEncoder, launches: readonly CompiledLaunch[]): void {
  let bound: GPUComputePipeline | undefined
  for (const { pipeline, group, x, y, z } of launches) {
    if (x * y * z === 0) continue
    if (bound !== pipeline) pass.setPipeline(pipeline)
    bound = pipeline
    pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(x, y, z)
  }
}
