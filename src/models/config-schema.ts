/** Our own configurations as they stand in config.json, checked when read. */
import * as v from 'valibot'
import { ConfigError } from '../errors.ts'
import type { ModelConfig } from './config.ts'

/** Sizes beyond this are no model: they are refused before memory is asked for. */
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(2 ** 24))
const rate = v.pipe(v.number(), v.finite(), v.minValue(0))
const mlp = v.optional(count)
const each = v.picklist(['position', 'sequence'])

const layer = v.variant('kind', [
  v.strictObject({
    kind: v.literal('mamba'),
    hidden: count,
    state: count,
    kernel: count,
    deltaRank: count,
    bias: v.boolean(),
    convolutionBias: v.boolean(),
    innerNorm: v.optional(rate),
    mlp,
  }),
  v.strictObject({
    kind: v.literal('mamba2'),
    hidden: count,
    headWidth: count,
    state: count,
    groups: count,
    kernel: count,
    bias: v.boolean(),
    convolutionBias: v.boolean(),
    // The upper bound may be infinite.
    deltaLimit: v.optional(v.tuple([rate, v.pipe(v.number(), v.minValue(0))])),
    groupedNorm: v.boolean(),
    chunk: v.optional(count),
    mlp,
  }),
  v.strictObject({ kind: v.literal('s4d'), state: count, mlp }),
  v.strictObject({
    kind: v.literal('attention'),
    heads: count,
    kvHeads: count,
    ropeTheta: rate,
    headWidth: v.optional(count),
    rotary: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(2 ** 24))),
    kernel: v.optional(count),
    bias: v.optional(v.boolean()),
    outputBias: v.optional(v.boolean()),
    mlp,
  }),
])

const model = v.strictObject({
  width: count,
  layers: v.pipe(v.array(layer), v.minLength(1), v.maxLength(4096)),
  input: v.union([v.strictObject({ vocabulary: count }), v.strictObject({ features: count })]),
  head: v.variant('kind', [
    v.strictObject({ kind: v.literal('language') }),
    v.strictObject({ kind: v.literal('classifier'), classes: count, each: v.exactOptional(each) }),
    v.strictObject({
      kind: v.literal('regression'),
      outputs: count,
      each,
    }),
  ]),
  tieEmbeddings: v.boolean(),
  eps: rate,
})

/** Checks a configuration that came from outside. `where` names file and key in errors. */
export function readModelConfig(value: unknown, where: string): ModelConfig {
  const result = v.safeParse(model, value)
  if (result.success) return result.output
  const [issue] = result.issues
  throw new ConfigError('wrong value', {
    where: `${where}.${v.getDotPath(issue) ?? ''}`.replace(/\.$/, ''),
    expected: issue.expected ?? issue.message,
    found: issue.received,
  })
}
