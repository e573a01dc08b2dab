/**
 * The matrix units of a GPU, as far as WebGPU offers them: an experiment in Dawn and Chrome, behind flags.
 */
import { DeviceError } from '../../errors.ts'

export const MATRIX_FEATURE = 'chromium-experimental-subgroup-matrix' as GPUFeatureName

const DAWN_KEY = 'enable-dawn-features='
const DAWN_FEATURES = ['allow_unsafe_apis', 'vulkan_enable_f16_on_nvidia']

/** The sizes of a product that `packedMatrixTile` is written for, and its subgroups. */
const SIZE = 16
const SUBGROUP = 32

/** What `adapter.info` says with the feature; `@webgpu/types` does not know it yet. */
interface MatrixInfo extends GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly componentType: string
    readonly resultComponentType: string
    readonly M: number
    readonly N: number
    readonly K: number
  }>
}

/** Dawn's flags, and those that matrix units need besides. */
export function withMatrixFlags(flags: readonly string[]): readonly string[] {
  const asked = flags.filter((flag) => flag.startsWith(DAWN_KEY)).map((flag) => flag.slice(DAWN_KEY.length))
  const others = flags.filter((flag) => !flag.startsWith(DAWN_KEY))
  return [...others, DAWN_KEY + [...asked, ...DAWN_FEATURES].join(',')]
}

/** Throws DeviceError unless the adapter multiplies halves as `packedMatrixTile` does it. */
export function expectMatrices(adapter: GPUAdapter): void {
  const info = adapter.info as MatrixInfo
  const configs = [...(info.subgroupMatrixConfigs ?? [])]
  const sizes = configs.some(
    ({ componentType, resultComponentType, M, N, K }) =>
      componentType === 'f16' && resultComponentType === 'f32' && [M, N, K].every((size) => size === SIZE),
  )
  const subgroups = info.subgroupMinSize === SUBGROUP && info.subgroupMaxSize === SUBGROUP
  if (adapter.features.has('shader-f16') && adapter.features.has(MATRIX_FEATURE) && sizes && subgroups) return
  throw new DeviceError('the GPU offers no matrix units', {
    where: 'subgroupMatrix',
    expected: `${MATRIX_FEATURE} of f16, ${SIZE} × ${SIZE} × ${SIZE} to f32, and subgroups of ${SUBGROUP}`,
    found: `${configs.map(({ componentType, M, N, K }) => `${componentType} ${M} × ${N} × ${K}`).join(', ') || 'none'}; subgroups of ${info.subgroupMinSize} to ${info.subgroupMaxSize}`,
    hint: 'Open webgpu without subgroupMatrix',
  })
}
