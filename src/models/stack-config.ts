/**
 * The configuration of a model: every published architecture, and every mix of layers, comes down to this.
 */

/** What comes in: token ids, or vectors of features. */
export type InputConfig = { readonly vocabulary: number } | { readonly features: number }

/** What goes out: logits of the next token, logits of a class, or numbers. */
export type HeadConfig =
  | { readonly kind: 'language' }
  | {
      readonly kind: 'classifier'
      readonly classes: number
      /** A class for the whole sequence (default), or for each position. */
      readonly each?: 'sequence' | 'position' | undefined
    }
  | { readonly kind: 'regression'; readonly outputs: number; readonly each: 'position' | 'sequence' }

/** What a head has a result for. */
export function eachOf(head: HeadConfig): 'position' | 'sequence' {
  return head.kind === 'language' ? 'position' : (head.each ?? 'sequence')
}

/** How many numbers a head gives for each position or sequence: vocabulary, classes or outputs. */
export function outputsOf({ head, input }: Pick<StackConfig, 'head' | 'input'>): number {
  if (head.kind === 'language') return 'vocabulary' in input ? input.vocabulary : 0
  return head.kind === 'classifier' ? head.classes : head.outputs
}

/** A layer of any kind: `kind` says which. */
export interface AnyLayer {
  readonly kind: string
  /** Hidden width of a gated MLP after the mixer, with its own norm. Absent: none. */
  readonly mlp?: number | undefined
}

/** The configuration of a model, whatever kinds of layers there are. */
export interface StackConfig<L extends AnyLayer = AnyLayer> {
  readonly width: number
  readonly layers: readonly L[]
  readonly input: InputConfig
  readonly head: HeadConfig
  /** Whether the output projection is the embedding. */
  readonly tieEmbeddings: boolean
  /** Added to mean squares in norms. */
  readonly eps: number
}

/** The one configuration of all layers, if they have one, and it is of this kind. */
export function uniformLayer<L extends AnyLayer>({ layers }: StackConfig, kind: L['kind']): L | undefined {
  const [first] = layers
  const same = first?.kind === kind && layers.every((layer) => sameConfig(layer, first))
  return same ? (first as L) : undefined
}

/** Whether two configurations say the same; a field that is undefined is as one that is absent. */
export function sameConfig(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  const [left, right] = [a, b] as Readonly<Record<string, unknown>>[]
  return [...keys].every((key) => sameConfig(left[key], right[key]))
}

/**
 * Whether tokens go in, next tokens come out, and there is no MLP: what most published layouts have words
 * for.
 */
export function isPlainLanguageModel({ layers, input, head }: StackConfig): boolean {
  return 'vocabulary' in input && head.kind === 'language' && layers.every(({ mlp }) => mlp === undefined)
}
