/**
 * The generic suite: every case of every operation, with nothing of a test runner in it, so that Node and browsers run
 * the same checks. Inputs are drawn as float32; the oracle is the reference device (float64).
 */
import type { AnyDevice, HostArray } from '../../src/devices/device.ts'
import { bytesOf, hostArray } from '../../src/devices/dtype.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { apply } from '../../src/ops/apply.ts'
import type { Case, CaseSet, Draw } from '../../src/ops/cases.ts'
import { withGradients } from '../../src/ops/gradients.ts'
import type { AnyOperation, Named } from '../../src/ops/operation.ts'
import * as operations from '../../src/ops/operations.ts'
import { Random } from '../../src/tensor/random.ts'
import { scope } from '../../src/tensor/scope.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { tensor, Tensor } from '../../src/tensor/tensor.ts'
import type { Check, StartingCheck } from './check.ts'
import { relativeError } from './compare.ts'

/** Relative errors by norm that kernels in float32 must stay within. */
const TOLERANCE = { out: 2e-5, grad: 2e-4 } as const

const withKernels = new Set<AnyOperation>(Object.values(operations))
const oracle = openDevice('reference')

type Values = Record<string, HostArray>

/** All checks of a set for a device other than the reference. */
export function deviceChecks({ operation, cases }: CaseSet): StartingCheck[] {
  return Object.entries(cases).map(([name, each]) => ({
    name: `${operation.name}: ${name}`,
    start(device) {
      dispose(begin(device, operation, each, zeros(each), asksGradient(operation), () => 0))
    },
    async run(device) {
      const hosts = drawAll(each)
      const own = asksGradient(operation)
      const wanted = await evaluate(await oracle, operation, each, hosts, own)
      const first = await evaluate(device, operation, each, hosts, own)
      const second = await evaluate(device, operation, each, hosts, own)
      for (const [key, want] of Object.entries(wanted)) {
        const got = first[key]
        if (!got) throw new Error(`${key} is missing`)
        const limit = key.startsWith('grad.')
          ? (each.tolerance?.grad ?? TOLERANCE.grad)
          : (each.tolerance?.out ?? TOLERANCE.out)
        const error = relativeError(got, want)
        if (!(error <= limit))
          throw new Error(`${key}: relative error ${error.toExponential(2)} above ${limit}`)
        if (!sameBits(got, second[key])) throw new Error(`${key}: a second run gave other bits`)
      }
    },
  }))
}

/** With a gradient wanted, an operation that has only that of its formula would not run its kernels. */
function asksGradient(operation: AnyOperation): boolean {
  return operation.gradient !== undefined || (isDifferentiable(operation) && !withKernels.has(operation))
}

/** Checks the reference's own gradients against central differences along random directions. */
export function finiteDifferenceChecks({ operation, cases }: CaseSet): Check[] {
  if (!isDifferentiable(operation)) return []
  return Object.entries(cases)
    .filter(([, each]) => each.finiteDifferences !== false)
    .map(([name, each]) => ({
      name: `${operation.name}: ${name}`,
      run: (device) => checkDifferences(device, operation, each),
    }))
}

/** By a gradient of its own, or by that of its formula. */
function isDifferentiable(operation: AnyOperation): boolean {
  if (operation.gradient) return true
  return 'compose' in operation && !operation.mutates
}

async function checkDifferences(device: AnyDevice, operation: AnyOperation, each: Case): Promise<void> {
  const hosts = drawAll(each)
  const random = new Random(99)
  const plain = { ...each, inputs: mapDraws(each, (draw) => ({ ...draw, columnsOf: undefined })) }
  const analytic = await evaluate(device, operation, plain, hosts, true, exact)
  for (const [key, gradient] of Object.entries(analytic)) {
    if (!key.startsWith('grad.')) continue
    const name = key.slice('grad.'.length)
    for (let trial = 0; trial < 2; trial++) {
      const direction = Float64Array.from(gradient, () => random.normal())
      const step = 1e-5
      const at = (sign: number): number => {
        const shifted = Float64Array.from(hosts[name], (x, i) => x + sign * step * direction[i])
        return lossAt(device, operation, plain, hosts, name, shifted)
      }
      const numeric = (at(1) - at(-1)) / (2 * step)
      const inner = direction.reduce((sum, x, i) => sum + x * gradient[i], 0)
      const scale = Math.max(Math.abs(numeric), norm(gradient) * 1e-2, 1e-6)
      if (!(Math.abs(numeric - inner) <= 1e-5 * scale)) {
        throw new Error(`${key}: differences give ${numeric}, the gradient ${inner}`)
      }
    }
  }
}

/** What a case started: its inputs, outputs and gradients, which need not be there yet. */
interface Begun {
  readonly inputs: Record<string, Tensor | undefined>
  readonly outputs: Record<string, Tensor>
  readonly gradients: ReadonlyMap<Tensor, Tensor>
}

/** Starts the operation of a case on a device, and its gradient, with cotangents drawn by `value`. */
function begin(
  device: AnyDevice,
  operation: AnyOperation,
  each: Case,
  hosts: Values,
  withGradient: boolean,
  value?: () => number,
): Begun {
  const inputs = upload(device, each, hosts)
  const floats = present(inputs).filter(([, x]) => isFloat(x))
  const { result, gradients } = scope(() =>
    withGradients(
      withGradient ? floats.map(([, x]) => x) : [],
      () => apply(operation, inputs, each.params) as Record<string, Tensor>,
      (outputs) => seedsFor(device, outputs, value),
    ),
  )
  return { inputs, outputs: result, gradients }
}

function dispose({ inputs, outputs, gradients }: Begun): void {
  for (const x of [...gradients.values(), ...Object.values(outputs), ...Object.values(inputs)]) x?.dispose()
}

/** Outputs (`out.NAME`), tensors changed in place (`in.NAME`) and gradients (`grad.NAME`) of a case on a device. */
async function evaluate(
  device: AnyDevice,
  operation: AnyOperation,
  each: Case,
  hosts: Values,
  withGradient: boolean,
  read: (x: Tensor) => Promise<ArrayLike<number>> = (x) => x.read(),
): Promise<Record<string, ArrayLike<number>>> {
  const begun = begin(device, operation, each, hosts, withGradient)
  const values: Record<string, ArrayLike<number>> = {}
  for (const [name, x] of present(begun.outputs)) values[`out.${name}`] = await read(x)
  for (const name of ('mutates' in operation && operation.mutates) || []) {
    const changed = begun.inputs[name as string]
    if (changed) values[`in.${String(name)}`] = await read(changed)
  }
  for (const [name, x] of present(begun.inputs)) {
    const gradient = begun.gradients.get(x)
    if (gradient) values[`grad.${name}`] = await read(gradient)
  }
  dispose(begun)
  return values
}

function lossAt(
  device: AnyDevice,
  operation: AnyOperation,
  each: Case,
  hosts: Values,
  name: string,
  shifted: Float64Array,
): number {
  const inputs = upload(device, each, hosts)
  dataOf(inputs[name]!).set(shifted)
  return scope(() => {
    const outputs = apply(operation, inputs, each.params) as Record<string, Tensor>
    let loss = 0
    for (const [output, cotangent] of seedsFor(device, outputs)) {
      const [y, dy] = [dataOf(output), dataOf(cotangent)]
      for (let i = 0; i < y.length; i++) loss += y[i] * dy[i]
    }
    return loss
  })
}

/** A cotangent for every float output; by default a random one, the same on every device. */
function seedsFor(
  device: AnyDevice,
  outputs: Record<string, Tensor>,
  value = normalsOf(new Random(7)),
): Map<Tensor, Tensor> {
  const floats = present(outputs).filter(([, x]) => isFloat(x))
  return new Map(
    floats.map(([, x]) => [
      x,
      tensor(device, Float32Array.from({ length: x.size }, value), x.shape, x.dtype),
    ]),
  )
}

const normalsOf = (random: Random) => (): number => random.normal()

const isFloat = (x: Tensor): boolean => x.dtype === 'f32' || x.dtype === 'f16'

/** Zeros in the shapes of a case's inputs: for what reads none of their values. */
function zeros(each: Case): Values {
  const draws = Object.entries(each.inputs as Record<string, Draw | undefined>)
  return Object.fromEntries(
    draws.flatMap(([name, draw]) =>
      draw ? [[name, hostArray(draw.dtype, new ArrayBuffer(sizeOf(draw.shape) * bytesOf(draw.dtype)))]] : [],
    ),
  )
}

function drawAll(each: Case): Values {
  const random = new Random(20240611)
  const draws = Object.entries(each.inputs as Record<string, Draw | undefined>)
  return Object.fromEntries(draws.flatMap(([name, draw]) => (draw ? [[name, draw.draw(random)]] : [])))
}

function mapDraws(each: Case, change: (draw: Draw) => Draw): Named {
  const draws = Object.entries(each.inputs as Record<string, Draw | undefined>)
  return Object.fromEntries(draws.map(([name, draw]) => [name, draw && change(draw)]))
}

function upload(device: AnyDevice, each: Case, hosts: Values): Record<string, Tensor | undefined> {
  const draws = Object.entries(each.inputs as Record<string, Draw | undefined>)
  return Object.fromEntries(draws.map(([name, draw]) => [name, draw && uploadOne(device, draw, hosts[name])]))
}

/** A plain tensor, or the middle columns of a wider one whose other columns are NaN. */
function uploadOne(device: AnyDevice, draw: Draw, host: Values[string]): Tensor {
  const { shape, columnsOf } = draw
  if (columnsOf === undefined) return tensor(device, host, shape, draw.dtype)
  const width = shape.at(-1)!
  const rows = sizeOf(shape) / width
  const start = Math.floor((columnsOf - width) / 2)
  const wide = new Float32Array(rows * columnsOf).fill(Number.NaN)
  for (let row = 0; row < rows; row++) {
    wide.set(host.subarray(row * width, (row + 1) * width), row * columnsOf + start)
  }
  const whole = tensor(device, wide, [...shape.slice(0, -1), columnsOf], draw.dtype)
  const view = whole.view(shape, start, columnsOf)
  whole.dispose()
  return view
}

const dataOf = (x: Tensor): Float64Array =>
  (x.storage as unknown as { data: Float64Array }).data.subarray(x.offset, x.offset + x.size)
const exact = (x: Tensor): Promise<Float64Array> => Promise.resolve(dataOf(x).slice())

function present(named: object): [string, Tensor][] {
  return Object.entries(named).filter((entry): entry is [string, Tensor] => entry[1] instanceof Tensor)
}

function sameBits(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((x, i) => Object.is(x, b[i]))
}

function norm(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0))
}
