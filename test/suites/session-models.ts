/** Small models for what is tested of sessions. */
import type { AnyDevice } from '../../src/devices/device.ts'
import { LanguageModel } from '../../src/language/language-model.ts'
import type { GenerateOptions } from '../../src/language/options.ts'
import type { Session } from '../../src/language/session/session.ts'
import { modelConfig, type ArchitectureName, type ModelConfig } from '../../src/models/config.ts'
import { Random } from '../../src/tensor/random.ts'

/** A kind of layer each, and the mixes; in `convolved`, attention has a convolution too. */
export const KINDS = ['mamba', 'mamba2', 's4d', 'hybrid', 'convolved'] as const
export type Kind = (typeof KINDS)[number]

const HYBRID: readonly ArchitectureName[] = ['mamba', 'transformer', 'mamba2']

export function configOf(kind: Kind, vocabulary = 64, width = 16): ModelConfig {
  const mixed = kind === 'hybrid' || kind === 'convolved'
  const architecture = mixed ? HYBRID : [kind, kind]
  const config = modelConfig({ architecture, width, stateSize: 8, heads: 2, vocabulary, mlp: 2 * width })
  if (kind !== 'convolved') return config
  const layers = config.layers.map((layer) => (layer.kind === 'attention' ? { ...layer, kernel: 4 } : layer))
  return { ...config, layers }
}

/** A model whose logits lie well apart: a new one's would hardly differ. */
export async function openModel(device: AnyDevice, config: ModelConfig, seed = 1): Promise<LanguageModel> {
  const model = LanguageModel.create(config, device, seed)
  const { tensor } = model.parameters.get('backbone.embeddings.weight')!
  tensor.write((await tensor.read()).map((value) => 40 * value))
  return model
}

export function randomTokens(count: number, seed: number, vocabulary = 64): number[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => random.integer(vocabulary))
}

/** All tokens that a session draws. */
export async function drawn(session: Session, options: GenerateOptions): Promise<number[]> {
  const tokens: number[] = []
  for await (const token of session.generateTokens(options)) tokens.push(token)
  return tokens
}

/** Logits after tokens, by a session that knows nothing else. */
export async function freshLogits(model: LanguageModel, tokens: readonly number[]): Promise<Float32Array> {
  const session = model.session({ rewind: false })
  await session.append(tokens)
  const logits = await session.logits()
  session.dispose()
  return logits
}
