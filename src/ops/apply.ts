import { activeTape } from '../autograd/tape.ts'
import type { AnyDevice, DType } from '../devices/device.ts'
import { bytesOf } from '../devices/dtype.ts'
import { DeviceError, ShapeError } from '../errors.ts'
import { currentArena, scope } from '../tensor/scope.ts'
import { empty, Tensor } from '../tensor/tensor.ts'
import { copyOp } from './copy/op.ts'
import { kernelOf, type Kernel } from './kernels/kernels.ts'
import type { KernelOperation, Named, Operation, OutputRule, Params } from './operation.ts'

/**
 * Runs an operation on the device of its inputs, and records it if a tape is on: by the device's kernel, or
 * as a formula in other operations where the device has no kernel for the call, or where a gradient is wanted
 * and only the formula has one.
 *
 * @throws DeviceError if there is neither kernel nor formula
 */
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
  expectDTypes(operation, inputs)
  const kernel = wantsFormula(operation, inputs) ? undefined : kernelOf(operation, device, inputs, params)
  if (!kernel) return compose(operation, inputs, params, device)
  const plain = plainInputs(operation, inputs)
  const outputs = allocate(operation, plain, params, device)
  scope(() => start(kernel, plain, outputs, params, device))
  record(operation, plain, outputs, params)
  return outputs
}

/** The tensor itself if kernels can take it as it is, or a contiguous copy. */
export function contiguous(x: Tensor): Tensor {
  return isPlain(x) ? x : apply(copyOp, { x }, {}).y
}

function isPlain(x: Tensor): boolean {
  return x.contiguous && (x.offset * bytesOf(x.dtype)) % x.device.offsetAlignment === 0
}

/** Refuses inputs of a dtype that the operation has no kernel for: bits are never read as something else. */
function expectDTypes<I extends Named, O extends Named, P extends Params>(
  { name: operation, dtypes = 'f32' }: KernelOperation<I, O, P>,
  inputs: I,
): void {
  for (const name in inputs) {
    const x: unknown = inputs[name]
    if (!(x instanceof Tensor)) continue
    const allowed = typeof dtypes === 'string' || isList(dtypes) ? dtypes : (dtypes[name] ?? 'f32')
    if (isList(allowed) ? allowed.includes(x.dtype) : allowed === x.dtype) continue
    throw new ShapeError('has the wrong dtype', {
      where: `${operation}: ${name}`,
      expected: isList(allowed) ? allowed.join(' or ') : allowed,
      found: x.dtype,
    })
  }
}

function isList(dtypes: unknown): dtypes is readonly DType[] {
  return Array.isArray(dtypes)
}

/** Whether a gradient is wanted that only the operation's formula has. */
function wantsFormula<I extends Named, O extends Named, P extends Params>(
  { compose, gradient, mutates }: KernelOperation<I, O, P>,
  inputs: I,
): boolean {
  return compose !== undefined && !gradient && !mutates && isTracked(inputs)
}

function isTracked(inputs: Named): boolean {
  const tape = activeTape()
  return tape !== undefined && entries(inputs).some(([, x]) => tape.tracks(x))
}

/** Runs an operation as a formula in others: a tape records those. */
function compose<I extends Named, O extends Named, P extends Params>(
  operation: KernelOperation<I, O, P>,
  inputs: I,
  params: P,
  device: AnyDevice,
): O {
  if (!operation.compose) {
    throw new DeviceError('the device has no kernel for this operation', {
      where: operation.name,
      found: device.description,
    })
  }
  operation.outputs(inputs, params)
  return scope(() => operation.compose!(inputs, params), currentArena(device))
}

function plainInputs<I extends Named, O extends Named, P extends Params>(
  operation: KernelOperation<I, O, P>,
  inputs: I,
): I {
  const fits = (name: string, x: Tensor): boolean =>
    isPlain(x) || (operation.views?.includes(name as keyof I) ?? false)
  if (entries(inputs).every(([name, x]) => fits(name, x))) return inputs
  const plain: Record<string, Tensor> = {}
  for (const [name, x] of entries(inputs)) {
    if (!fits(name, x) && operation.mutates?.includes(name as keyof I)) {
      throw new ShapeError('this view cannot be changed in place', {
        where: `${operation.name}: ${name}`,
        expected: `contiguous rows that begin at a multiple of ${x.device.offsetAlignment} bytes`,
        found: `rows of ${x.width} elements, ${x.rowStride} apart, from byte ${x.offset * bytesOf(x.dtype)} on`,
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
  kernel: Kernel<I, O, P, unknown>,
  inputs: I,
  outputs: O,
  params: P,
  device: AnyDevice,
): void {
  const scratch = (shape: readonly number[], dtype?: DType): Tensor => empty(device, shape, dtype)
  device.run(kernel({ inputs, outputs, params, device, scratch }))
}

function record<I extends Named, O extends Named, P extends Params>(
  operation: Operation<I, O, P>,
  inputs: I,
  outputs: O,
  params: P,
): void {
  const { gradient } = operation
  if (!gradient || !isTracked(inputs)) return
  const inputNames = entries(inputs).map(([name]) => name)
  const outputNames = entries(outputs).map(([name]) => name)
  const all = { ...inputs, ...outputs } as Record<string, Tensor | undefined>
  const saved = (operation.saved ?? []).map((name) => all[name as string]).filter((x) => x !== undefined)
  activeTape()?.record({
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
