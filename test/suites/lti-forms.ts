/**
 * The two forms of a diagonal system at a length where errors would show: powers up to Ā^16383, and an FFT of 32,768
 * points. Parameters are the usual initialisations: S4D-Lin A = -1/2 + i π n, S4D-Real A = -(n + 1), steps from 0.001 to 0.1.
 */
import type { AnyDevice } from '../../src/devices/device.ts'
import { withGradients } from '../../src/ops/gradients.ts'
import type { Discretization } from '../../src/ops/lti/discretize.ts'
import { ltiDiagonal, type LtiDiagonalOptions } from '../../src/ops/lti/lti-diagonal.ts'
import { Random } from '../../src/tensor/random.ts'
import { scope } from '../../src/tensor/scope.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { relativeError } from './compare.ts'
import type { Check } from './check.ts'

const [LENGTH, CHANNELS, MODES] = [16384, 4, 32]
const TOLERANCE = { out: 1e-5, grad: 2e-4 } as const

const KINDS: readonly {
  readonly name: string
  readonly complex: boolean
  readonly discretization: Discretization
}[] = [
  { name: 'S4D-Lin, zoh', complex: true, discretization: 'zoh' },
  { name: 'S4D-Lin, bilinear', complex: true, discretization: 'bilinear' },
  { name: 'S4D-Real, zoh', complex: false, discretization: 'zoh' },
]

export const ltiChecks: readonly Check[] = KINDS.map(({ name, complex, discretization }) => ({
  name: `both forms agree over ${LENGTH} tokens: ${name}`,
  async run(device) {
    const options = { discretization, scale: complex ? 2 : 1 }
    const recurrence = await evaluate(device, complex, { ...options, form: 'recurrence' })
    const convolution = await evaluate(device, complex, { ...options, form: 'convolution' })
    for (const [key, want] of Object.entries(recurrence)) {
      const error = relativeError(convolution[key], want)
      const limit = key === 'y' ? TOLERANCE.out : TOLERANCE.grad
      if (!(error <= limit))
        throw new Error(`${key}: the forms differ by ${error.toExponential(2)}, above ${limit}`)
    }
  },
}))

async function evaluate(
  device: AnyDevice,
  complex: boolean,
  options: LtiDiagonalOptions,
): Promise<Record<string, ArrayLike<number>>> {
  const random = new Random(3)
  const [u, dy] = [1, 2].map(() => normal(device, random, [1, LENGTH, CHANNELS])) as [Tensor, Tensor]
  const mode = modeOf(device, random, complex)
  const watched: Record<string, Tensor> = { u, ...mode }
  const { result: y, gradients } = scope(() =>
    withGradients(
      Object.values(watched),
      () => ltiDiagonal({ u, ...mode }, options).y,
      (output) => new Map([[output, dy]]),
    ),
  )
  const values: Record<string, ArrayLike<number>> = { y: await y.read() }
  for (const [name, x] of Object.entries(watched)) values[`grad.${name}`] = await gradients.get(x)!.read()
  for (const x of [u, dy, y, ...Object.values(mode), ...gradients.values()]) x.dispose()
  return values
}

function modeOf(device: AnyDevice, random: Random, complex: boolean) {
  const perMode = (value: (n: number) => number): Tensor =>
    tensor(
      device,
      Float32Array.from({ length: CHANNELS * MODES }, (_, i) => value(i % MODES)),
      [CHANNELS, MODES],
    )
  const steps = Float32Array.from({ length: CHANNELS }, () => random.uniform(Math.log(0.001), Math.log(0.1)))
  const mode = {
    logDt: tensor(device, steps),
    aRe: perMode((n) => (complex ? -0.5 : -(n + 1))),
    bRe: perMode(() => 1),
    cRe: normal(device, random, [CHANNELS, MODES]),
    D: normal(device, random, [CHANNELS]),
  }
  return complex
    ? { ...mode, aIm: perMode((n) => Math.PI * n), cIm: normal(device, random, [CHANNELS, MODES]) }
    : mode
}

function normal(device: AnyDevice, random: Random, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, axis) => product * axis, 1)
  return tensor(
    device,
    Float32Array.from({ length: size }, () => random.normal()),
    shape,
  )
}
