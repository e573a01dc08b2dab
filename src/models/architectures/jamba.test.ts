import { describe, expect, test } from 'vitest'
import { parseConfigText } from '../../checkpoints/config.ts'
import { ConfigError } from '../../errors.ts'
import { modelConfig, type ModelConfig } from '../config.ts'
import { configText, readConfig } from '../published.ts'

const JSON_KEYS = {
  model_type: 'jamba',
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 9,
  vocab_size: 61,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_experts: 1,
}
const read = (changes: object = {}): ModelConfig => readConfig({ ...JSON_KEYS, ...changes }, 'c.json').config
const kindsOf = ({ layers }: ModelConfig): string => layers.map(({ kind }) => kind[0]).join('')

test('without the keys of layers, one in eight is attention; the short way says the same', () => {
  const short = modelConfig({
    architecture: 'jamba',
    layers: 9,
    width: 16,
    mlp: 24,
    heads: 4,
    kvHeads: 2,
    vocabulary: 61,
    tieEmbeddings: false,
  })
  expect(kindsOf(short)).toBe('jjjjajjjj')
  expect(read()).toEqual({ ...short, eps: 1e-6 })
})

describe('experts', () => {
  test.each([
    ['as many as the key says', { num_experts: 4 }, 4],
    ['as many as transformers takes without it', { num_experts: undefined }, 16],
  ])('%s are refused', (_, changes, found) => {
    const reading = (): unknown => read(changes)
    expect(reading).toThrow(ConfigError)
    expect(reading).toThrow(
      `[c.json: num_experts] layers of experts are not supported; expected 1, found ${found}`,
    )
  })
})

describe('what is written says the same when it is read', () => {
  test.each([
    ['no layer of attention', { attn_layer_period: 20, attn_layer_offset: 19 }, 'jjjjjjjjj'],
    ['one', {}, 'jjjjajjjj'],
    ['the last', { attn_layer_offset: 8, attn_layer_period: 9 }, 'jjjjjjjja'],
    ['some', { attn_layer_period: 3, attn_layer_offset: 0 }, 'ajjajjajj'],
  ])('%s', (_, changes, kinds) => {
    const config = read({ ...changes, mamba_proj_bias: true, tie_word_embeddings: true })
    expect(kindsOf(config)).toBe(kinds)
    const text = configText(config)
    expect(text).toContain('"model_type": "jamba"')
    expect(readConfig(parseConfigText(text, 'c.json'), 'c.json').config).toEqual(config)
  })

  test.each<[what: string, change: (config: ModelConfig) => ModelConfig]>([
    [
      'attention without a period',
      ({ layers, ...rest }) => ({ ...rest, layers: [...layers, layers[4], layers[4]] }),
    ],
    [
      'layers that differ',
      ({ layers: [first, ...others], ...rest }) => ({ ...rest, layers: [{ ...first, mlp: 25 }, ...others] }),
    ],
    [
      'attention that knows positions',
      ({ layers, ...rest }) => ({
        ...rest,
        layers: layers.map((layer) => (layer.kind === 'attention' ? { ...layer, rotary: 4 } : layer)),
      }),
    ],
    [
      'layers without an MLP',
      ({ layers, ...rest }) => ({ ...rest, layers: layers.map((layer) => ({ ...layer, mlp: undefined })) }),
    ],
    ['a classifier', (config) => ({ ...config, head: { kind: 'classifier', classes: 2 } })],
  ])('transformers has no words for %s', (_, change) => {
    expect(configText(change(read()))).toContain('"model_type": "sidewinder"')
  })
})
