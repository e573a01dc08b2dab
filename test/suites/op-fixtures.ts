/**
 * Fixtures of operations: float64 results in test/fixtures/ops/FAMILY.{json,safetensors}, checked case by case, outputs
 * and gradients, with nothing of a test runner in it. An adapter says how a family maps to an operation here.
 */
import type { AnyDevice } from '../../src/devices/device.ts'
import { withGradients } from '../../src/ops/gradients.ts'
import { scope } from '../../src/tensor/scope.ts'
import { sizeOf, stridesOf, type Shape } from '../../src/tensor/shape.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { readTestFile } from '../files.ts'
import { relativeError } from './compare.ts'
import type { StartingCheck } from './check.ts'

/** Relative errors by norm: of float32 kernels, and of the reference against results that were rounded once. */
const TOLERANCE = { out: 2e-5, grad: 2e-4, reference: 1e-6 } as const

export interface HostTensor {
  readonly shape: Shape
  readonly data: Float32Array | Int32Array
}

export interface OpFixture {
  readonly name: string
  readonly params: Readonly<Record<string, unknown>>
  readonly in: Readonly<Record<string, HostTensor>>
  readonly out: Readonly<Record<string, HostTensor>>
  /** Cotangents of outputs. */
  readonly cot: Readonly<Record<string, HostTensor>>
  /** Gradients of inputs, of the sum over outputs of `output * cotangent`. */
  readonly grad: Readonly<Record<string, HostTensor>>
}

export interface OpFixtureAdapter {
  /** Stands behind the name of a case, where several adapters run the same one. */
  readonly variant?: string
  /** Which cases of the family. Default: all. */
  readonly accepts?: (fixture: OpFixture) => boolean
  /** Another arrangement of a whole fixture, before anything else. */
  readonly prepare?: (fixture: OpFixture) => OpFixture
  /** A tensor of the family (by its name there) in the layout here. The same for its cotangent and gradient. */
  readonly layout?: (name: string, x: HostTensor) => HostTensor
  /** Whether the kernel runs only where no gradient is wanted: outputs are then checked without one, too. */
  readonly alsoWithoutGradient?: boolean
  /** Runs the operation: tensors go in and come out under the names of the family. */
  readonly run: (
    inputs: Readonly<Record<string, Tensor | undefined>>,
    fixture: OpFixture,
  ) => Readonly<Record<string, Tensor | undefined>>
}

/** The checks of a family: each case, on whatever device. */
export async function opFixtureChecks(family: string, adapter: OpFixtureAdapter): Promise<StartingCheck[]> {
  const { variant, accepts = () => true, prepare = (fixture) => fixture } = adapter
  const accepted = (await readOpFixtures(family)).filter((fixture) => accepts(fixture))
  const fixtures = accepted.map((fixture) => prepare(fixture))
  return fixtures.map((fixture) => ({
    name: `${family}: ${fixture.name}${variant ? `, ${variant}` : ''}`,
    start: (device) => dispose(begin(device, fixture, adapter)),
    run: (device) => checkFixture(device, fixture, adapter),
  }))
}

/** What a fixture started: its results need not be there yet. */
interface Begun {
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly cotangents: Readonly<Record<string, Tensor>>
  /** Of a run with gradients and, if the adapter wants that, of one without. */
  readonly outputs: readonly Readonly<Record<string, Tensor | undefined>>[]
  readonly gradients: ReadonlyMap<Tensor, Tensor>
}

const arranged = (
  tensors: OpFixture['in'],
  { layout = (_, x) => x }: OpFixtureAdapter,
): [string, HostTensor][] => Object.entries(tensors).map(([name, x]) => [name, layout(name, x)])

function begin(device: AnyDevice, fixture: OpFixture, adapter: OpFixtureAdapter): Begun {
  const uploaded = (tensors: OpFixture['in']): Record<string, Tensor> =>
    Object.fromEntries(
      arranged(tensors, adapter).map(([name, { data, shape }]) => [name, tensor(device, data, shape)]),
    )
  const [inputs, cotangents] = [uploaded(fixture.in), uploaded(fixture.cot)]
  const { result, gradients } = scope(() =>
    withGradients(
      Object.keys(fixture.grad).map((name) => inputs[name]),
      () => adapter.run(inputs, fixture),
      (outputs) => new Map(Object.entries(cotangents).map(([name, x]) => [outputs[name]!, x])),
    ),
  )
  const outputs = [result]
  if (adapter.alsoWithoutGradient) outputs.push(scope(() => adapter.run(inputs, fixture)))
  return { inputs, cotangents, outputs, gradients }
}

function dispose({ inputs, cotangents, outputs, gradients }: Begun): void {
  const tensors = [inputs, cotangents, ...outputs].flatMap((named) => Object.values(named))
  for (const x of [...tensors, ...gradients.values()]) x?.dispose()
}

async function checkFixture(device: AnyDevice, fixture: OpFixture, adapter: OpFixtureAdapter): Promise<void> {
  const begun = begin(device, fixture, adapter)
  const expect = async (kind: 'out' | 'grad', name: string, got: Tensor | undefined, want: HostTensor) => {
    if (!got) throw new Error(`${kind}.${name} is missing`)
    const limit = device.name === 'reference' ? TOLERANCE.reference : TOLERANCE[kind]
    const error = relativeError(await got.read(), want.data)
    if (!(error <= limit))
      throw new Error(`${kind}.${name}: relative error ${error.toExponential(2)} above ${limit}`)
  }
  for (const [name, want] of arranged(fixture.out, adapter)) {
    for (const outputs of begun.outputs) await expect('out', name, outputs[name], want)
  }
  for (const [name, want] of arranged(fixture.grad, adapter))
    await expect('grad', name, begun.gradients.get(begun.inputs[name]), want)
  dispose(begun)
}

/** `x` with its axes in another order (`axes[i]` is where axis i comes from), then seen as `shape`. */
export function permuted({ shape, data }: HostTensor, axes: readonly number[], as?: Shape): HostTensor {
  const order = axes.map((axis) => shape[axis])
  const from = axes.map((axis) => stridesOf(shape)[axis])
  const to = stridesOf(order)
  const values = data.slice()
  for (let i = 0; i < data.length; i++) {
    let at = 0
    for (let axis = 0; axis < order.length; axis++)
      at += (Math.floor(i / to[axis]) % order[axis]) * from[axis]
    values[i] = data[at]!
  }
  return { shape: as ?? order, data: values }
}

/** The fixture with tensor `x` of `names`, wherever it stands, as `x.0`, `x.1`, ... along its first axis. */
export function unstacked(fixture: OpFixture, names: readonly string[]): OpFixture {
  const parts = (tensors: OpFixture['in']): OpFixture['in'] =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([name, x]) => (names.includes(name) ? unstack(name, x) : [[name, x]])),
    )
  const { in: inputs, out, cot, grad } = fixture
  return { ...fixture, in: parts(inputs), out: parts(out), cot: parts(cot), grad: parts(grad) }
}

function unstack(name: string, { shape: [count, ...shape], data }: HostTensor): [string, HostTensor][] {
  const size = sizeOf(shape)
  return Array.from({ length: count }, (_, i) => [
    `${name}.${i}`,
    { shape, data: data.slice(i * size, (i + 1) * size) },
  ])
}

interface Definition {
  readonly cases: Readonly<Record<string, { readonly params: Readonly<Record<string, unknown>> }>>
}

async function readOpFixtures(family: string): Promise<OpFixture[]> {
  const json = await readTestFile(`test/fixtures/ops/${family}.json`)
  const { cases } = JSON.parse(new TextDecoder().decode(json)) as Definition
  const tensors = readTensors(await readTestFile(`test/fixtures/ops/${family}.safetensors`))
  return Object.entries(cases).map(([name, { params }]) => {
    const kind = (prefix: string): OpFixture['in'] => {
      const start = `${name}/${prefix}.`
      const found = Object.entries(tensors).filter(([key]) => key.startsWith(start))
      return Object.fromEntries(found.map(([key, x]) => [key.slice(start.length), x]))
    }
    return { name, params, in: kind('in'), out: kind('out'), cot: kind('cot'), grad: kind('grad') }
  })
}

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>

/** F32 and I32 tensors of a trusted safetensors file. */
function readTensors(bytes: Uint8Array<ArrayBuffer>): Record<string, HostTensor> {
  const headerSize = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const start = 8 + headerSize
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Header
  const { __metadata__: _, ...entries } = header
  return Object.fromEntries(
    Object.entries(entries).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => {
        const part = bytes.slice(start + begin, start + end).buffer
        return [name, { shape, data: dtype === 'I32' ? new Int32Array(part) : new Float32Array(part) }]
      },
    ),
  )
}
