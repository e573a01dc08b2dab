import type { ModelConfig } from './config.ts'

/** A configuration in a few words: layers by kind, width, what goes in and comes out. */
export function describeConfig({ layers, width, input, head, tieEmbeddings }: ModelConfig): string {
  const kinds = new Map<string, number>()
  for (const { kind } of layers) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  const mixed = [...kinds].map(([kind, count]) => `${count} × ${kind}`).join(' + ')
  const ends = 'vocabulary' in input ? `vocabulary ${input.vocabulary}` : `${input.features} features`
  return `${mixed}, width ${width}, ${ends}, ${head.kind}${tieEmbeddings ? ', tied embeddings' : ''}`
}
