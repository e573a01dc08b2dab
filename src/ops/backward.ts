import type { Tensor } from '../tensor/tensor.ts'
import { apply } from './apply.ts'
import { zeros } from './elementwise/op.ts'
import type { GradientCall, KernelOperation, Named, OutputRules, Params } from './operation.ts'

/**
 * The name of the gradient of a tensor: `d` and its name, with a capital unless it is one letter. dx, dA,
 * dDeltaBias.
 */
type GradientName<Name> = Name extends `${infer First}${infer Rest}`
  ? Rest extends ''
    ? `d${First}`
    : `d${Capitalize<Name>}`
  : never

function gradientName(name: string): string {
  return name.length === 1 ? `d${name}` : `d${name[0].toUpperCase()}${name.slice(1)}`
}

/** Gradients of named tensors: each has the shape of its tensor, and is absent where that is. */
type Gradients<T> = { readonly [Name in keyof T as GradientName<Name>]: T[Name] }
type Some<T, Names> = Pick<T, Extract<keyof T, Names>>
type Flat<T> = { readonly [Name in keyof T]: T[Name] }

/**
 * Tensors of the forward, and the gradients of its outputs: absent where nothing depends on one, unless it is
 * needed.
 */
type BackwardInputs<I, O, Read, Needed> = Flat<
  Some<I, Read> &
    Some<O, Read> &
    Gradients<Required<Some<O, Needed>>> &
    Gradients<Partial<Some<O, Exclude<keyof O, Needed>>>>
>
/** Gradients of inputs, those of `Optional` perhaps left out. */
type BackwardOutputs<I, Of, Optional> = Flat<
  Gradients<Some<I, Exclude<Of, Optional>>> & Gradients<Partial<Some<I, Optional>>>
>

type BackwardParams<P> = P & {
  /** Inputs whose gradients are left out, as nobody asks for them. */
  readonly leftOut?: readonly string[] | undefined
}

export interface BackwardOperation<
  I extends Named,
  O extends Named,
  P extends Params,
  B extends Named,
  D extends Named,
> extends KernelOperation<B, D, BackwardParams<P>> {
  /** What the forward saves for it, and its gradient. */
  readonly forward: Required<Pick<KernelOperation<I, O, P>, 'saved' | 'gradient'>>
  /** What it is given of a call of the forward. */
  readonly inputsOf: (call: GradientCall<I, O, P>) => B
}

/**
 * The backward of an operation, as an operation with kernels of its own: `NAMEBackward`. It is given the
 * tensors of the forward that it reads, under their names, and the gradients of the outputs; it gives the
 * gradients of the inputs in `of`.
 */
export function defineBackward<
  I extends Named,
  O extends Named,
  P extends Params,
  const Of extends keyof I & string,
  const Read extends (keyof I | keyof O) & string = never,
  const Needed extends keyof O & string = never,
  const Optional extends Of = never,
  const Unread extends Of = never,
>(
  forward: KernelOperation<I, O, P>,
  {
    of,
    reads = [],
    needs = [],
    optional = [],
    like,
  }: {
    /** Inputs that have a gradient. They are read, but for those of `like`. */
    readonly of: readonly Of[]
    /** Other inputs that are read, and outputs. */
    readonly reads?: readonly Read[]
    /** Outputs whose gradients the kernels cannot do without: zeros stand where nothing depends on one. */
    readonly needs?: readonly Needed[]
    /** Inputs whose gradients kernels leave out where nobody asks for them. */
    readonly optional?: readonly Optional[]
    /** Inputs that are not read, each with a tensor that is, and has its shape. */
    readonly like?: { readonly [Name in Unread]: Read }
  },
): BackwardOperation<
  I,
  O,
  P,
  BackwardInputs<I, O, Exclude<Of, Unread> | Read, Needed>,
  BackwardOutputs<I, Of, Optional>
> {
  type B = BackwardInputs<I, O, Exclude<Of, Unread> | Read, Needed>
  type D = BackwardOutputs<I, Of, Optional>
  type Tensors = Readonly<Record<string, Tensor | undefined>>
  const shapeOf = new Map<string, string>(Object.entries(like ?? {}))
  const needed = new Set<string>(needs)
  const saved: readonly string[] = [...of.filter((name) => !shapeOf.has(name)), ...reads]

  const backward: KernelOperation<B, D, BackwardParams<P>> = {
    name: `${forward.name}Backward`,
    // Tensors have the dtypes that they have in the forward; gradients are f32.
    ...(forward.dtypes && { dtypes: forward.dtypes as NonNullable<KernelOperation<B, D, P>['dtypes']> }),
    views: saved.filter((name) => forward.views?.includes(name as keyof I)) as (keyof B)[],
    outputs(inputs, { leftOut = [] }) {
      const rules = of.map((name) => {
        const x = (inputs as Tensors)[shapeOf.get(name) ?? name]
        return [gradientName(name), x && !leftOut.includes(name) ? { shape: x.shape } : undefined]
      })
      return Object.fromEntries(rules) as OutputRules<D>
    },
  }

  const inputsOf = ({ inputs, outputs, grads }: GradientCall<I, O, P>): B => {
    const tensors = { ...inputs, ...outputs } as Tensors
    const given: Record<string, Tensor | undefined> = Object.fromEntries(
      saved.map((name) => [name, tensors[name]]),
    )
    for (const [name, y] of Object.entries<Tensor | undefined>(outputs as Tensors)) {
      const dy = (grads as Tensors)[name]
      given[gradientName(name)] = dy ?? (y && needed.has(name) ? zeros(y.device, y.shape) : undefined)
    }
    return given as B
  }

  const gradient = (call: GradientCall<I, O, P>) => {
    const leftOut = optional.filter((name) => !call.wants(name))
    const gradients = apply(backward, inputsOf(call), { ...call.params, leftOut }) as Tensors
    return Object.fromEntries(of.map((name) => [name, gradients[gradientName(name)]])) as {
      readonly [K in keyof I]?: Tensor | undefined
    }
  }
  return { ...backward, inputsOf, forward: { saved: saved as (keyof I | keyof O)[], gradient } }
}

/** An operation whose gradient is its backward's. */
export function withBackward<
  I extends Named,
  O extends Named,
  P extends Params,
  B extends Named,
  D extends Named,
>(
  operation: KernelOperation<I, O, P>,
  { forward }: BackwardOperation<I, O, P, B, D>,
): KernelOperation<I, O, P> {
  return { ...operation, ...forward }
}
