/** The syntax tree of a template. */

export type Expression =
  | { readonly type: 'constant'; readonly value: null | boolean | bigint | number | string }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'list' | 'tuple'; readonly items: readonly Expression[] }
  | { readonly type: 'dict'; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly type: 'attribute'; readonly object: Expression; readonly name: string }
  | { readonly type: 'item'; readonly object: Expression; readonly key: Expression }
  | {
      readonly type: 'slice'
      readonly object: Expression
      readonly bounds: readonly (Expression | undefined)[]
    }
  | Call
  | {
      readonly type: 'filter' | 'test'
      readonly name: string
      readonly value: Expression
      readonly call: Arguments
    }
  | { readonly type: 'unary'; readonly operator: '-' | '+' | 'not'; readonly value: Expression }
  | {
      readonly type: 'binary'
      readonly operator: string
      readonly left: Expression
      readonly right: Expression
    }
  | { readonly type: 'concat'; readonly parts: readonly Expression[] }
  | {
      readonly type: 'compare'
      readonly first: Expression
      readonly rest: readonly (readonly [operator: string, value: Expression])[]
    }
  | {
      readonly type: 'choice'
      readonly test: Expression
      readonly yes: Expression
      readonly no: Expression | undefined
    }

export interface Call {
  readonly type: 'call'
  readonly callee: Expression
  readonly call: Arguments
}

export interface Arguments {
  readonly positional: readonly Expression[]
  readonly named: readonly (readonly [string, Expression])[]
  /** `*list` and `**dict` */
  readonly list?: Expression | undefined
  readonly dict?: Expression | undefined
}

/** A filter without the value that it is applied to. */
export interface AppliedFilter {
  readonly name: string
  readonly call: Arguments
}

/** What a value is assigned to. */
export type Target =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'field'; readonly object: string; readonly name: string }
  | { readonly type: 'targets'; readonly items: readonly Target[] }

export interface MacroBody {
  readonly parameters: readonly { readonly name: string; readonly default: Expression | undefined }[]
  readonly body: readonly Statement[]
  /** All names that occur in it: `varargs`, `kwargs` and `caller` are given to those that ask. */
  readonly names: ReadonlySet<string>
}

export type Statement = { readonly line: number } & (
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'output'; readonly value: Expression }
  | {
      readonly type: 'if'
      readonly branches: readonly (readonly [test: Expression | undefined, body: readonly Statement[]])[]
    }
  | {
      readonly type: 'for'
      readonly target: Target
      readonly iterable: Expression
      readonly test: Expression | undefined
      readonly recursive: boolean
      readonly body: readonly Statement[]
      readonly otherwise: readonly Statement[]
    }
  | { readonly type: 'break' | 'continue' }
  | { readonly type: 'set'; readonly target: Target; readonly value: Expression }
  | {
      readonly type: 'set-block'
      readonly target: Target
      readonly filters: readonly AppliedFilter[]
      readonly body: readonly Statement[]
    }
  | {
      readonly type: 'with'
      readonly values: readonly (readonly [Target, Expression])[]
      readonly body: readonly Statement[]
    }
  | { readonly type: 'macro'; readonly name: string; readonly macro: MacroBody }
  | { readonly type: 'call-block'; readonly call: Call; readonly macro: MacroBody }
  | {
      readonly type: 'filter-block'
      readonly filters: readonly AppliedFilter[]
      readonly body: readonly Statement[]
    }
  | { readonly type: 'scope'; readonly body: readonly Statement[] }
)
