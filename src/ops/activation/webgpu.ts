import type { WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Call } from '../operation.ts'
import type {
  ActivationBackwardInputs,
  ActivationBackwardOutputs,
  ActivationInputs,
  ActivationOutputs,
  ActivationParams,
} from './index.ts'

export function webgpu(_: Call<ActivationInputs, ActivationOutputs, ActivationParams>): WebGpuLaunch[] {
  return []
}

export function webgpuBackward(
  _: Call<ActivationBackwardInputs, ActivationBackwardOutputs, ActivationParams>,
): WebGpuLaunch[] {
  return []
}
