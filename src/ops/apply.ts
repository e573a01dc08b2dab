import { activeTape } from '../autograd/tape.ts'
import type { AnyDevice } from '../devices/device.ts'
import type { ReferenceStorage } from '../devices/reference/device.ts'
import { DeviceError, ShapeError } from '../errors.ts'
import { scope } from '../tensor/scope.ts'
import { empty, Tensor } from '../tensor/tensor.ts'
import { copyOp } from './copy/op.ts'
import type { Arrays, KernelOperation, Named, NdArray, Operation, OutputRule, Params } from './operation.ts'

/** Runs an operation on the device of its inputs, and records it if a tape is on. */
export function apply<I extends Named, O extends Named, P extends Params>(
  operation: Operation<I, O, P>,
  inputs: I,
  params: P,
): O {
  if ('view' in operation) {
    const outputs = operation.view(inputs, params)
    record(operation, inputs, outputs, params)
    return outputs
  }
  const device = deviceOf(operation.name, inputs)
  const plain = plainInputs(operation, inputs, device)
  const outputs = allocate(operation, plain, params, device)
  scope(() => start(operation, plain, outputs, params, device))
  record(operation, plain, outputs, params)
  return outputs
}

/** The tensor itself if kernels can take it as it is, or a contiguous copy. */
export function contiguous(x: Tensor): Tensor {
  return isPlain(x) ? x : apply(copyOp, { x }, {}).y
}

function isPlain(x: Tensor): boolean {
  return x.contiguous && x.offset % x.device.offsetAlignment === 0
}

function plainInputs<I extends Named, O extends Named, P extends Params>(
  operation: KernelOperation<I, O, P>,
  inputs: I,
  device: AnyDevice,
): I {
  const strided = device.name === 'reference' ? undefined : operation.views
  const fits = (name: string, x: Tensor): boolean =>
    isPlain(x) || (strided?.includes(name as keyof I) ?? false)
  if (entries(inputs).every(([name, x]) => fits(name, x))) return inputs
  if ((operation as unknown) === copyOp) return inputs
  const plain: Record<string, Tensor> = {}
  for (const [name, x] of entries(inputs)) {
    if (!fits(name, x) && operation.mutates?.includes(name as keyof I)) {
      throw new ShapeError('a strided view cannot be changed in place', {
        where: `${operation.name}: ${name}`,
      })
    }
    plain[name] = fits(name, x) ? x : contiguous(x)
  }
  return plain as I
}

function allocate<I extends Named, O extends Named, P extends Params>(
  operation: KernelOperation<I, O, P>,
  inputs: I,
  params: P,
  device: AnyDevice,
): O {
  const outputs: Record<string, Tensor> = {}
  const rules = Object.entries<OutputRule | undefined>(operation.outputs(inputs, params))
  for (const [name, rule] of rules) if (rule) outputs[name] = empty(device, rule.shape, rule.dtype)
  return outputs as O
}

function start<I extends Named, O extends Named, P extends Params>(
  operation: KernelOperation<I, O, P>,
  inputs: I,
  outputs: O,
  params: P,
  device: AnyDevice,
): void {
  if (device.name === 'reference') {
    const arrays = arraysOf(inputs)
    const results = arraysOf(outputs)
    const launch = (): void => {
      const made = results()
      for (const { data } of Object.values<NdArray>(made as Record<string, NdArray>)) data.fill(0)
      operation.reference(arrays(), made, params)
    }
    device.run([launch])
    return
  }
  const call = {
    inputs,
    outputs,
    params,
    device,
    scratch: (shape: readonly number[]) => empty(device, shape),
  }
  device.run(device.name === 'wasm' ? operation.wasm(call) : operation.webgpu(call))
}

function record<I extends Named, O extends Named, P extends Params>(
  operation: Operation<I, O, P>,
  inputs: I,
  outputs: O,
  params: P,
): void {
  const tape = activeTape()
  const { gradient } = operation
  if (!tape || !gradient || !entries(inputs).some(([, x]) => tape.tracks(x))) return
  const inputNames = entries(inputs).map(([name]) => name)
  const outputNames = entries(outputs).map(([name]) => name)
  const all = { ...inputs, ...outputs } as Record<string, Tensor | undefined>
  const saved = (operation.saved ?? []).map((name) => all[name as string]).filter((x) => x !== undefined)
  tape.record({
    name: operation.name,
    inputs: inputNames.map((name) => all[name]),
    outputs: outputNames.map((name) => all[name]),
    saved,
    backward(cotangents, wanted) {
      const grads = Object.fromEntries(outputNames.map((name, i) => [name, cotangents[i]]))
      const wants = (input: keyof I): boolean => wanted[inputNames.indexOf(input as string)] ?? false
      const results = gradient({ inputs, outputs, params, grads: grads as never, wants })
      return inputNames.map((name) => results[name as keyof I])
    },
  })
}

function deviceOf(name: string, inputs: Named): AnyDevice {
  const [first, ...rest] = entries(inputs).map(([, x]) => x.device)
  if (!first) throw new ShapeError('no inputs', { where: name })
  const other = rest.find((device) => device !== first)
  if (other) {
    throw new DeviceError('inputs are on different devices', {
      where: name,
      found: `${first.name} and ${other.name}`,
    })
  }
  return first
}

function entries(named: Named): [string, Tensor][] {
  return Object.entries(named).filter((entry): entry is [string, Tensor] => entry[1] instanceof Tensor)
}

/** How the reference reaches the values: resolved now, read when the launch runs (and again at each replay). */
function arraysOf<T extends Named>(named: T): () => Arrays<T> {
  const getters = entries(named).map(([name, x]) => {
    const { data } = x.storage as ReferenceStorage
    if (!x.contiguous) return [name, () => ({ data: gatherRows(data, x), shape: x.shape })] as const
    const array: NdArray = { data: data.subarray(x.offset, x.offset + x.size), shape: x.shape }
    return [name, () => array] as const
  })
  return () => Object.fromEntries(getters.map(([name, get]) => [name, get()])) as Arrays<T>
}

/** A strided view's values, copied together. */
function gatherRows(data: Float64Array, x: Tensor): Float64Array {
  const values = new Float64Array(x.size)
  for (let row = 0; row < x.rows; row++) {
    const start = x.offset + row * x.rowStride
    values.set(data.subarray(start, start + x.width), row * x.width)
  }
  return values
}
