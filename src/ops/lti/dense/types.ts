import type { Tensor } from '../../../tensor/tensor.ts'

export interface LtiDenseStatesInputs {
  /** [B, L, S], the input as the state sees it: B x */
  readonly v: Tensor
  /** [S, S] */
  readonly A: Tensor
  /** [B, S] */
  readonly initialState?: Tensor | undefined
  /** i32 [B, L]: nonzero where the state is zeroed before the token */
  readonly reset?: Tensor | undefined
}

export interface LtiDenseStatesOutputs {
  /** [B, L, S], every state */
  readonly h: Tensor
  /** [B, S], the last one */
  readonly finalState: Tensor
}

/** The matrices of a dense linear system, and its input. */
export interface LtiDenseInputs {
  /** [B, L, I] */
  readonly u: Tensor
  /** [S, S] */
  readonly A: Tensor
  /** [S, I] */
  readonly B: Tensor
  /** [O, S] */
  readonly C: Tensor
  /** [O, I] */
  readonly D?: Tensor | undefined
  /** [B, S] */
  readonly initialState?: Tensor | undefined
  /** i32 [B, L]: nonzero where the state is zeroed before the token */
  readonly reset?: Tensor | undefined
}
