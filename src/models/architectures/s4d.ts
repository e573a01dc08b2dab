/** S4D (Gu et al. 2022, arXiv 2206.11893): linear time-invariant layers with diagonal, complex A. */
import * as v from 'valibot'
import { S4D } from '../../nn/mixers/s4d.ts'
import { count, defineArchitecture, layerKind } from '../architecture.ts'
import { Block } from '../layer.ts'

const s4dKind = layerKind(
  v.strictObject({
    kind: v.literal('s4d'),
    /** Complex states a channel. */
    stateSize: count,
    /** Hidden width of a gated MLP after the mixer. Absent: none. */
    mlp: v.optional(count),
  }),
  ({ stateSize, mlp }, context) => {
    const { width, branches } = context
    return new Block(new S4D({ stateSize, width, branches }), mlp, context)
  },
)

export type S4DLayer = v.InferOutput<(typeof s4dKind)['schema']>

export const s4d = defineArchitecture({
  type: 's4d',
  kinds: [s4dKind],
  layer: ({ stateSize = 32, mlp }): S4DLayer => ({
    kind: 's4d',
    stateSize,
    ...(mlp !== undefined && { mlp }),
  }),
})
